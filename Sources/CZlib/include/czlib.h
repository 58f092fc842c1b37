/// zlib, of which a checkpoint needs two things.
#ifndef PARE_CZLIB_H
#define PARE_CZLIB_H
#include <stddef.h>
#include <stdint.h>

/// How an inflation ended.
enum { PARE_INFLATED, PARE_ENDS_EARLY, PARE_DAMAGED, PARE_STOPPED };

/// Inflates raw deflate (RFC 1951), drops the first `skip` bytes of what comes out and
/// stores the `wanted` bytes behind them. `should_stop`, which may be null, is asked with
/// `context` every few megabytes. `used` is set to the bytes of `source` that were read.
int pare_inflate(const uint8_t *source, size_t count, size_t skip, uint8_t *target,
                 size_t wanted, int (*should_stop)(const void *), const void *context,
                 size_t *used);

/// CRC-32 of zip archives, going on from `checksum`, which begins with 0.
uint32_t pare_crc32(uint32_t checksum, const uint8_t *bytes, size_t count);

#endif
