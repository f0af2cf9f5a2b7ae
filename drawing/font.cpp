#include "drawing/font.h"

#include <ft2build.h>
// FreeType's header wants ft2build.h first.
#include FT_FREETYPE_H

#include <algorithm>
#include <map>
#include <utility>

#include "drawing/utf8.h"
#include "support/assert.h"
#include "support/handle.h"

// The font's file becomes read-only data of this object.
__asm__(
    ".pushsection .rodata\n"
    ".balign 16\n"
    ".globl catamaran_font_begin\n"
    "catamaran_font_begin:\n"
    ".incbin \"" CATAMARAN_FONT_FILE
    "\"\n"
    ".globl catamaran_font_end\n"
    "catamaran_font_end:\n"
    ".byte 0\n"
    ".popsection\n");
extern "C" const unsigned char catamaran_font_begin[];
extern "C" const unsigned char catamaran_font_end[];

namespace catamaran {
namespace {

struct LibraryTraits {
  using type = FT_Library;
  static constexpr type empty() { return nullptr; }
  static void close(type library) noexcept { FT_Done_FreeType(library); }
};
struct FaceTraits {
  using type = FT_Face;
  static constexpr type empty() { return nullptr; }
  static void close(type face) noexcept { FT_Done_Face(face); }
};

constexpr std::string_view kEllipsis = "\xE2\x80\xA6";

// Where the code point before `end` begins.
size_t before(std::string_view text, size_t end) {
  --end;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return end;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

struct Font::State {
  struct Glyph {
    int64_t left = 0;  // of the bitmap, from the pen
    int64_t top = 0;   // of the bitmap, up from the base line
    int64_t width = 0;
    int64_t advance = 0;
    std::vector<uint8_t> cover;  // 0..255, rows of width
  };

  Handle<LibraryTraits> library;
  Handle<FaceTraits> face;  // after the library: closed before it
  std::map<char32_t, Glyph> glyphs;

  explicit State(int pixels) {
    FT_Library opened_library = nullptr;
    CATAMARAN_ASSERT(FT_Init_FreeType(&opened_library) == 0, "FreeType needs only memory");
    library = Handle<LibraryTraits>(opened_library);
    FT_Face opened_face = nullptr;
    const FT_Error error = FT_New_Memory_Face(
        library.get(), catamaran_font_begin,
        static_cast<FT_Long>(catamaran_font_end - catamaran_font_begin), 0, &opened_face);
    CATAMARAN_ASSERT(error == 0, "the linked file is a font");
    face = Handle<FaceTraits>(opened_face);
    CATAMARAN_ASSERT(FT_Set_Pixel_Sizes(face.get(), 0, static_cast<FT_UInt>(pixels)) == 0,
                     "the font is scalable");
  }

  const Glyph& glyph(char32_t code) {
    const auto known = glyphs.find(code);
    if (known != glyphs.end()) return known->second;
    const FT_Error error = FT_Load_Char(face.get(), code, FT_LOAD_RENDER | FT_LOAD_TARGET_LIGHT);
    CATAMARAN_ASSERT(error == 0, "a code point without a glyph has the font's hollow box");
    const FT_GlyphSlot slot = face.get()->glyph;
    const FT_Bitmap& bitmap = slot->bitmap;
    Glyph made{.left = slot->bitmap_left,
               .top = slot->bitmap_top,
               .width = static_cast<int64_t>(bitmap.width),
               .advance = (slot->advance.x + 32) >> 6,
               .cover = {}};
    for (unsigned row = 0; row < bitmap.rows; ++row) {
      const uint8_t* from = bitmap.buffer + static_cast<ptrdiff_t>(row) * bitmap.pitch;
      made.cover.insert(made.cover.end(), from, from + bitmap.width);
    }
    return glyphs.emplace(code, std::move(made)).first->second;
  }

  int64_t ascender() const { return (face.get()->size->metrics.ascender + 63) >> 6; }
  int64_t descender() const { return -(face.get()->size->metrics.descender >> 6); }
};

Font::Font(int pixels) : state_(std::make_unique<State>(pixels)) {}
Font::~Font() = default;
Font::Font(Font&&) noexcept = default;
Font& Font::operator=(Font&&) noexcept = default;

// The rows that letters cover: the font's own height, rounded as a whole, is up to two less.
int64_t Font::line_height() const { return state_->ascender() + state_->descender(); }

int64_t Font::width(std::string_view text) const {
  int64_t pen = 0;
  int64_t right = 0;
  for (size_t at = 0; at < text.size();) {
    const State::Glyph& glyph = state_->glyph(next_code_point(text, at));
    right = std::max(right, pen + glyph.left + glyph.width);
    pen += glyph.advance;
  }
  return std::max(right, pen);
}

void Font::draw(Picture& picture, int64_t left, int64_t top, std::string_view text,
                Colour colour) const {
  const int64_t base = top + state_->ascender();
  for (size_t at = 0; at < text.size();) {
    const State::Glyph& glyph = state_->glyph(next_code_point(text, at));
    for (size_t i = 0; i < glyph.cover.size(); ++i) {
      if (glyph.cover[i] == 0) continue;
      const auto pixel = static_cast<int64_t>(i);
      picture.blend(left + glyph.left + pixel % glyph.width, base - glyph.top + pixel / glyph.width,
                    colour, glyph.cover[i] / 255.0);
    }
    left += glyph.advance;
  }
}

std::string Font::cut(std::string_view text, int64_t most_width) const {
  if (width(text) <= most_width) return std::string(text);
  size_t end = text.size();
  while (end > 0) {
    end = before(text, end);
    std::string_view kept = text.substr(0, end);
    while (!kept.empty() && kept.back() == ' ') kept.remove_suffix(1);
    std::string shorter = std::string(kept) + std::string(kEllipsis);
    if (width(shorter) <= most_width) return shorter;
  }
  return std::string(kEllipsis);
}

std::vector<std::string> Font::wrap(std::string_view text, int64_t most_width,
                                    size_t most_lines) const {
  std::vector<std::string> lines;
  text = trimmed(text);
  while (lines.size() + 1 < most_lines && width(text) > most_width) {
    size_t end = text.size();  // the longest beginning that fits
    while (end > 0 && width(text.substr(0, end)) > most_width) end = before(text, end);
    if (end == 0) break;  // not one letter fits
    const size_t space = text[end] == ' ' ? end : text.substr(0, end).rfind(' ');
    if (space != std::string_view::npos && space > 0) end = space;
    lines.emplace_back(trimmed(text.substr(0, end)));
    text = trimmed(text.substr(end));
  }
  lines.push_back(cut(text, most_width));
  return lines;
}

}  // namespace catamaran
