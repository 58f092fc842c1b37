#ifndef PARE_CREW_H
#define PARE_CREW_H
// Threads that share out the tiles of one piece of work after another, with so
// little ado that a piece may last microseconds.
#include <stddef.h>

typedef struct pare_crew pare_crew;

/// Work on one tile. `worker` is below the crew's number of threads and no two
/// threads have the same.
typedef void (*pare_tile_work)(void *context, size_t worker, size_t tile);

/// Most tiles a piece of work may have.
enum { PARE_MAXIMAL_TILES = (1 << 20) - 1 };

/// A crew of `threads`, the caller's among them. NULL when memory runs out; it
/// is smaller when the system gives fewer threads.
pare_crew *pare_crew_create(size_t threads);
void pare_crew_destroy(pare_crew *crew);

/// Does tiles 0 ..< tiles and returns when all are done. The calling thread is
/// worker 0 and takes whatever the others have not, so it never waits for a
/// thread that is not running. One call at a time.
void pare_crew_run(pare_crew *crew, size_t tiles, pare_tile_work work, void *context);
#endif
