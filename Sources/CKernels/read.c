#include "lanes.h"
#define BODY "bodies/read.h"
#include "levels.h"

uint64_t pare_read(int level, const void *memory, size_t bytes) {
  DISPATCH(read, memory, bytes)
}
