#ifndef PARE_CNCURSES_H
#define PARE_CNCURSES_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#define NCURSES_WIDECHAR 1
#define _XOPEN_SOURCE_EXTENDED 1
#include <ncurses.h>
#include <stdbool.h>
#include <stdint.h>
#include <term.h>
#include <wchar.h>

#undef bell
#undef buttons
#undef columns
#undef lines
#undef tab

/* ---- values that ncurses has as macros ---------------------------------------------- */

static const int pare_err = ERR;
static const int pare_key_code_yes = KEY_CODE_YES;
static const int pare_key_resize = KEY_RESIZE;
static const int pare_key_mouse = KEY_MOUSE;
static const int pare_key_up = KEY_UP;
static const int pare_key_down = KEY_DOWN;
static const int pare_key_left = KEY_LEFT;
static const int pare_key_right = KEY_RIGHT;
static const int pare_key_home = KEY_HOME;
static const int pare_key_end = KEY_END;
static const int pare_key_a1 = KEY_A1;
static const int pare_key_c1 = KEY_C1;
static const int pare_key_find = KEY_FIND;
static const int pare_key_select = KEY_SELECT;
static const int pare_key_page_up = KEY_PPAGE;
static const int pare_key_page_down = KEY_NPAGE;
static const int pare_key_enter = KEY_ENTER;
static const int pare_key_back_tab = KEY_BTAB;
static const int pare_key_backspace = KEY_BACKSPACE;
static const int pare_key_delete = KEY_DC;
static const int pare_key_insert = KEY_IC;
static const int pare_key_shift_up = KEY_SR;
static const int pare_key_shift_down = KEY_SF;
static const int pare_key_shift_left = KEY_SLEFT;
static const int pare_key_shift_right = KEY_SRIGHT;
static const int pare_key_f0 = KEY_F0;
/* Above all keys that ncurses defines: the marks around pasted text. */
static const int pare_key_paste_begin = KEY_MAX + 64;
static const int pare_key_paste_end = KEY_MAX + 65;

static const uint32_t pare_bold = A_BOLD;
static const uint32_t pare_dim = A_DIM;
static const uint32_t pare_italic = A_ITALIC;
static const uint32_t pare_underline = A_UNDERLINE;
static const uint32_t pare_reverse = A_REVERSE;

/* ---- opening and closing ------------------------------------------------------------ */

/* Opens the terminal on standard input and output; NULL when `type` is not known. */
SCREEN *pare_open(const char *type);

/* Sets the locale's characters: the user's, or UTF-8 where the user named none.
   Answers whether they are UTF-8. */
bool pare_set_locale(void);

static inline bool pare_terminal_has(const char *capability) {
  const char *value = tigetstr(capability);
  return value != NULL && value != (const char *)-1 && *value != '\0';
}

static inline bool pare_terminal_has_direct_color(void) {
  return tigetflag("RGB") > 0 || tigetnum("RGB") > 0 || COLORS >= 0x1000000;
}

static inline int pare_colors(void) { return COLORS; }
static inline int pare_color_pairs(void) { return COLOR_PAIRS; }
static inline int pare_columns(void) { return COLS; }
static inline int pare_rows(void) { return LINES; }

/* Keys as common terminals send them, for those that the description has otherwise: TERM is
   often a little wrong, above all inside tmux and screen. */
static inline void pare_define_common_keys(void) {
  static const struct { const char *bytes; int key; } common[] = {
    {"\033[A", KEY_UP}, {"\033[B", KEY_DOWN}, {"\033[C", KEY_RIGHT}, {"\033[D", KEY_LEFT},
    {"\033OA", KEY_UP}, {"\033OB", KEY_DOWN}, {"\033OC", KEY_RIGHT}, {"\033OD", KEY_LEFT},
    {"\033[H", KEY_HOME}, {"\033OH", KEY_HOME}, {"\033[1~", KEY_HOME}, {"\033[7~", KEY_HOME},
    {"\033[F", KEY_END}, {"\033OF", KEY_END}, {"\033[4~", KEY_END}, {"\033[8~", KEY_END},
    {"\033[2~", KEY_IC}, {"\033[3~", KEY_DC}, {"\033[5~", KEY_PPAGE},
    {"\033[6~", KEY_NPAGE}, {"\033[Z", KEY_BTAB}, {"\033OM", KEY_ENTER},
    {"\033OP", KEY_F(1)}, {"\033OQ", KEY_F(2)}, {"\033OR", KEY_F(3)}, {"\033OS", KEY_F(4)},
    {"\033[11~", KEY_F(1)}, {"\033[12~", KEY_F(2)}, {"\033[13~", KEY_F(3)},
    {"\033[14~", KEY_F(4)}, {"\033[15~", KEY_F(5)},
  };
  for (unsigned i = 0; i < sizeof common / sizeof *common; i++) {
    if (key_defined(common[i].bytes) == 0) define_key(common[i].bytes, common[i].key);
  }
  define_key("\033[200~", pare_key_paste_begin);
  define_key("\033[201~", pare_key_paste_end);
}

static inline void pare_prepare_input(void) {
  raw();
  noecho();
  nonl();
  keypad(stdscr, TRUE);
  nodelay(stdscr, TRUE);
  meta(stdscr, TRUE);
  intrflush(stdscr, FALSE);
  typeahead(-1);
  curs_set(0);
  pare_define_common_keys();
}

static inline void pare_start_color(void) {
  start_color();
  use_default_colors();
}

/* ---- events ------------------------------------------------------------------------- */

typedef struct {
  int x, y;
  /* 0 nothing, 1 press, 2 release, 3 moved, 4 wheel up, 5 wheel down */
  int kind;
  /* 0 none, 1 left, 2 middle, 3 right */
  int button;
  bool shift, control, alt;
} pare_mouse;

static inline bool pare_read_mouse(pare_mouse *out) {
  MEVENT event;
  if (getmouse(&event) != OK) return false;
  mmask_t s = event.bstate;
  *out = (pare_mouse){.x = event.x, .y = event.y};
  out->shift = (s & BUTTON_SHIFT) != 0;
  out->control = (s & BUTTON_CTRL) != 0;
  out->alt = (s & BUTTON_ALT) != 0;
  if (s & BUTTON4_PRESSED) out->kind = 4;
  else if (s & BUTTON5_PRESSED) out->kind = 5;
  else if (s & BUTTON1_PRESSED) { out->kind = 1; out->button = 1; }
  else if (s & BUTTON2_PRESSED) { out->kind = 1; out->button = 2; }
  else if (s & BUTTON3_PRESSED) { out->kind = 1; out->button = 3; }
  else if (s & BUTTON1_RELEASED) { out->kind = 2; out->button = 1; }
  else if (s & BUTTON2_RELEASED) { out->kind = 2; out->button = 2; }
  else if (s & BUTTON3_RELEASED) { out->kind = 2; out->button = 3; }
  else if (s & REPORT_MOUSE_POSITION) out->kind = 3;
  return true;
}

static inline void pare_ask_for_mouse(bool on) {
  mmask_t mask = 0;
  if (on) {
    mask = BUTTON1_PRESSED | BUTTON1_RELEASED | BUTTON2_PRESSED | BUTTON2_RELEASED
         | BUTTON3_PRESSED | BUTTON3_RELEASED | BUTTON4_PRESSED | BUTTON5_PRESSED
         | BUTTON_SHIFT | BUTTON_CTRL | BUTTON_ALT | REPORT_MOUSE_POSITION;
  }
  mousemask(mask, NULL);
  mouseinterval(0);
}

/* ---- drawing ------------------------------------------------------------------------ */

/* One glyph; a wide one is followed by nothing. */
typedef struct {
  uint32_t scalar, mark1, mark2;
  uint32_t attributes;
  int32_t pair;
  int32_t width;
} pare_glyph;

/* Puts `count` glyphs into the row from column x on. A glyph to which the C library gives
   another width than we do would shift the row: `?` stands for it. */
void pare_put(int y, int x, const pare_glyph *glyphs, int count);

static inline void pare_flush(void) {
  wnoutrefresh(stdscr);
  doupdate();
}

static inline void pare_forget_screen(void) {
  erase();
  clearok(stdscr, TRUE);
}

/* ---- signals and rescue (signals.c) ------------------------------------------------- */

/* Bits of what happened since it was last asked. */
enum {
  PARE_RESIZED = 1,
  PARE_CONTINUED = 2,
  PARE_STOP = 4,
  PARE_TERMINATE = 8,
};

/* Catches the signals that concern the terminal; a byte on the descriptor answered (a
   pipe's reading end, -1 on failure) says that one came. */
int pare_watch_signals(void);
/* Gives the signals back to whoever had them. */
void pare_unwatch_signals(void);
/* What happened, as PARE_ bits; *number becomes the signal that asks to end, if one did. */
int pare_take_signals(int *number);
/* Stops the process group as ^Z does; returns when it continues. */
void pare_stop(void);

/* Remembers how the terminal was, before it is opened. */
void pare_remember_modes(void);
/* Keeps the bytes (text for the terminal) that restore it, for use in a dying process. */
void pare_set_rescue(const char *bytes, int count);
/* From here on a dying process restores the terminal. */
void pare_arm_rescue(bool armed);
/* Writes bytes to the terminal, past ncurses. */
void pare_write(const char *bytes, int count);

/* Holds back what is written to standard error while the screen is ours, if it would land
   on it. */
void pare_hold_errors(void);
/* Shows what was held back. */
void pare_release_errors(void);

/* Asks the kernel for the size and tells ncurses. */
void pare_adopt_size(void);

#endif
