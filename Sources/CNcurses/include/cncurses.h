#ifndef PARE_CNCURSES_H
#define PARE_CNCURSES_H
#define NCURSES_WIDECHAR 1
#include <ncurses.h>
#endif
