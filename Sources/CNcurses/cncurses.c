#include "cncurses.h"

#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

SCREEN *pare_open(const char *type) { return newterm(type, stdout, stdin); }

static bool names_no_characters(void) {
  const char *names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
  for (int i = 0; i < 3; i++) {
    const char *value = getenv(names[i]);
    if (value != NULL && *value != '\0')
      return strcmp(value, "C") == 0 || strcmp(value, "POSIX") == 0;
  }
  return true;
}

bool pare_set_locale(void) {
  /* Only the characters: numbers stay written with a point. */
  const char *set = setlocale(LC_CTYPE, "");
  if (set == NULL || names_no_characters()) setlocale(LC_CTYPE, "C.UTF-8");
  return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static void compose(cchar_t *cell, const pare_glyph *glyph) {
  wchar_t text[4] = {(wchar_t)glyph->scalar, 0, 0, 0};
  int count = 1;
  if (glyph->scalar >= 0x7F && wcwidth(text[0]) != glyph->width) text[0] = L'?';
  if (glyph->mark1 && wcwidth((wchar_t)glyph->mark1) == 0) text[count++] = (wchar_t)glyph->mark1;
  if (glyph->mark2 && wcwidth((wchar_t)glyph->mark2) == 0) text[count++] = (wchar_t)glyph->mark2;
  int pair = glyph->pair;
  setcchar(cell, text, (attr_t)glyph->attributes, 0, &pair);
}

void pare_put(int y, int x, const pare_glyph *glyphs, int count) {
  enum { room = 512 };
  cchar_t cells[room];
  int used = 0, start = x;
  for (int i = 0; i < count; i++) {
    compose(&cells[used++], &glyphs[i]);
    x += glyphs[i].width;
    bool narrowed = glyphs[i].width == 2 && cells[used - 1].chars[0] == L'?';
    if (narrowed) {
      pare_glyph space = glyphs[i];
      space.scalar = ' ';
      space.mark1 = space.mark2 = 0;
      space.width = 1;
      compose(&cells[used++], &space);
    }
    if (used + 2 > room || i + 1 == count) {
      mvadd_wchnstr(y, start, cells, used);
      start = x;
      used = 0;
    }
  }
}

void pare_adopt_size(void) {
  struct winsize size;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
    return;
  if (is_term_resized(size.ws_row, size.ws_col)) resizeterm(size.ws_row, size.ws_col);
}
