"""--help of every command: words for people, none of the types and tables of the program."""
import re

from runs import catamaran


def commands(words=()):
    """Every command and sub-command with its help."""
    text = catamaran(*words, "--help").stdout
    yield words, text
    _, _, rest = text.partition("\nSubcommands:\n")
    for line in rest.split("\n\n")[0].splitlines():
        if re.match(r"  [a-z]", line):
            yield from commands((*words, line.split()[0]))


def test_options_are_shown_with_words_and_not_with_types_of_the_program():
    seen = dict(commands())
    assert {("train",), ("pack", "manifest"), ("bench", "step"), ("config", "show"), ("checkpoint", "prune")} <= seen.keys() and len(seen) > 25
    for words, text in seen.items():
        for line in text.splitlines():
            left = re.split(r"\s{2,}", line.strip())[0]
            if left.startswith("-"):
                assert not re.search(r"[{}\[\]=]|->|\b(INT|UINT|FLOAT|ENUM|TEXT:|REQUIRED)", left), f"{' '.join(words)}: {line}"


def test_choices_and_defaults_of_a_manifest_and_of_coco_read_well():
    manifest, coco = (catamaran("pack", name, "--help").stdout for name in ("manifest", "coco"))
    assert re.search(r"--format jsonl\|csv\s", manifest) and "--no-decode{" not in manifest
    assert "--class-order id|name (default: id)" in coco


def test_the_format_of_a_manifest_is_a_word(tmp_path):
    (tmp_path / "m.txt").write_text("path,labels\nnone.jpg,a\n")
    for value in ("1", "xml"):
        done = catamaran("pack", "manifest", "--images", tmp_path, "--manifest", tmp_path / "m.txt", "--format", value, "--check", check=False)
        assert done.returncode == 2 and "--format" in done.stderr and "csv" in done.stderr
    done = catamaran("pack", "manifest", "--images", tmp_path, "--manifest", tmp_path / "m.txt", "--format", "csv", "--check", check=False)
    assert done.returncode == 3 and "line 2, column 1: there is no file" in done.stderr
