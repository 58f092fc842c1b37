/* Counts the memory that one thread asks for: what copies arrays takes memory, so a law about
   time needs no clock. */
#ifndef PARE_CALLOCATIONS_H
#define PARE_CALLOCATIONS_H

#include <stdint.h>

/* Begins to count, from 0, in the calling thread. */
void pare_count_allocations(void);
/* Bytes that the calling thread asked for since; always 0 under a sanitizer, which has a malloc
   of its own. */
uint64_t pare_allocated_bytes(void);

#endif
