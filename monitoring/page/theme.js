"use strict";
// The page's colours: light, dark, or as the reader's system has it. The choice is kept where the browser lets a page of a disk
// keep anything. Charts ask for their colours with every drawing, from the variables of the style sheet.

const THEMES = ["auto", "light", "dark"];
const THEME_KEY = "catamaran-report-theme";

function keptTheme() {
  try {
    const kept = window.localStorage.getItem(THEME_KEY);
    return THEMES.includes(kept) ? kept : "auto";
  } catch {
    return "auto";
  }
}

function keepTheme(theme) {
  try {
    window.localStorage.setItem(THEME_KEY, theme);
  } catch {
    // for this visit, then
  }
}

function showTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  for (const button of document.querySelectorAll("[data-theme-choice]"))
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === theme));
}

// changed: called once the page has other colours, by the reader or by the system.
function offerThemes(changed) {
  showTheme(keptTheme());
  for (const group of document.querySelectorAll(".theme")) group.hidden = false;
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.addEventListener("click", () => {
      keepTheme(button.dataset.themeChoice);
      showTheme(button.dataset.themeChoice);
      changed();
    });
  }
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
}

function pageColours() {
  const style = window.getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    card: colour("card"), text: colour("text"), soft: colour("soft"), line: colour("line"), accent: colour("accent"),
    low: colour("low"), high: colour("high"), bad: colour("bad"),
    runs: Array.from({length: 10}, (_, i) => colour(`s${i}`)),
    parts: Array.from({length: 7}, (_, i) => colour(`p${i}`)),
  };
}
