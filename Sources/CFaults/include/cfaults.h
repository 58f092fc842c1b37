/* Memory that maps a file can lose what is behind it: the file is cut short, or its disk
   fails. Touching it then raises SIGBUS. Guarded memory gets zeros instead, and tells. */
#ifndef PARE_CFAULTS_H
#define PARE_CFAULTS_H

#include <stdbool.h>
#include <stddef.h>

/* Guards `count` mapped bytes from a page boundary on, until `pare_unguard`. The first
   guard catches SIGBUS. Returns the guard, or -1 when there are too many. */
int pare_guard(const void *start, size_t count);
void pare_unguard(int guard);
/* Whether anything of it is lost. */
bool pare_guard_is_tripped(int guard);

/* What a handler of SIGBUS asks first: whether the address was guarded, so that the
   instruction can run again. Made of calls that a signal handler may make. */
bool pare_repair_fault(void *address);

/* Gives the calling thread a stack for signal handlers, until it ends. Every handler of this
   program asks for it with SA_ONSTACK, and every thread that calls the matrix library has it:
   oneDNN up to 3.11 points the stack pointer into the heap while it computes some products
   (its issue 4845), so that a handler on the usual stack overwrites the heap. */
void pare_use_signal_stack(void);

#endif
