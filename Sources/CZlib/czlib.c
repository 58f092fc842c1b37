#include "czlib.h"
#include <zlib.h>

/// zlib counts in 32 bits, and what nobody wants has to go somewhere.
enum { STEP = 4 << 20, SCRAP = 1 << 16 };

static uInt at_most(size_t count, size_t limit) { return (uInt)(count < limit ? count : limit); }

int pare_inflate(const uint8_t *source, size_t count, size_t skip, uint8_t *target,
                 size_t wanted, int (*should_stop)(const void *), const void *context,
                 size_t *used) {
  uint8_t scrap[SCRAP];
  z_stream stream = {0};
  size_t done = 0;
  int status = Z_OK, ending = PARE_INFLATED;
  *used = 0;
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return PARE_DAMAGED;
  while (done < skip + wanted) {
    if (should_stop && should_stop(context)) {
      ending = PARE_STOPPED;
      break;
    }
    int skipping = done < skip;
    uInt room = skipping ? at_most(skip - done, SCRAP) : at_most(skip + wanted - done, STEP);
    uInt food = at_most(count - *used, STEP);
    stream.next_out = skipping ? scrap : target + (done - skip);
    stream.avail_out = room;
    stream.next_in = (z_const Bytef *)(source + *used);
    stream.avail_in = food;
    status = inflate(&stream, Z_NO_FLUSH);
    *used += food - stream.avail_in;
    done += room - stream.avail_out;
    if (status == Z_OK) continue;
    if (done < skip + wanted) {
      ending = status == Z_STREAM_END || status == Z_BUF_ERROR ? PARE_ENDS_EARLY : PARE_DAMAGED;
    }
    break;
  }
  inflateEnd(&stream);
  return ending;
}

uint32_t pare_crc32(uint32_t checksum, const uint8_t *bytes, size_t count) {
  return (uint32_t)crc32_z(checksum, bytes, count);
}
