static uint64_t NAME(read)(const void *memory, size_t bytes) {
  const char *at = memory;
  i32x16 a = 0, b = 0, c = 0, d = 0;
  size_t i = 0;
  for (; i + 256 <= bytes; i += 256) {
    i32x16 lanes[4];
    memcpy(lanes, at + i, sizeof lanes);
    a ^= lanes[0];
    b ^= lanes[1];
    c ^= lanes[2];
    d ^= lanes[3];
  }
  uint64_t folded = 0;
  for (; i < bytes; i++) folded ^= (uint64_t)(unsigned char)at[i];
  a ^= b ^ c ^ d;
  for (int j = 0; j < LANES; j++) folded ^= (uint64_t)(uint32_t)a[j];
  return folded;
}
