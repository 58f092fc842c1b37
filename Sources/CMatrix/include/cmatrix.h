#ifndef PARE_CMATRIX_H
#define PARE_CMATRIX_H
#include <stddef.h>
#endif
