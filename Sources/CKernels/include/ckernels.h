#ifndef PARE_CKERNELS_H
#define PARE_CKERNELS_H
#include <stddef.h>
#include <stdint.h>
#endif
