// f32 to blocks with errors weighed by importance, as ggml does it: the importance of a
// weight's column times the root of its square and the mean of squares about it.

// Groups of `n` in lanes.
INLINE void NAME(weigh)(const float *importance, const f32x16 *x, int n, f32x16 variance,
                        f32x16 *weights) {
  NAME(turn)(importance, n, weights);
  for (int i = 0; i < n; i++)
    weights[i] *= __builtin_elementwise_sqrt(variance + x[i] * x[i]);
}

INLINE f32x16 NAME(total)(const f32x16 *weights, int n) {
  f32x16 sum = 0;
  for (int i = 0; i < n; i++) sum += weights[i];
  return sum;
}

// Scales and minima of a block, `n` of each, with the weights of their groups: problems of
// two lanes. Gives the two scales that they have.
INLINE void NAME(fit_scales)(const float *scales, const float *minima, const float *weights, int n,
                             float top, uint8_t *s, uint8_t *m, float found[2]) {
  f32x16 x[16], w[16], codes[16];
  for (int i = 0; i < n; i++) {
    x[i] = (f32x16)0;
    x[i][0] = scales[i];
    x[i][1] = minima[i];
    w[i] = (f32x16)weights[i];
  }
  f32x16 scale = NAME(fit_positive)(x, w, n, top, codes);
  for (int i = 0; i < n; i++) {
    s[i] = (uint8_t)codes[i][0];
    m[i] = (uint8_t)codes[i][1];
  }
  found[0] = scale[0];
  found[1] = scale[1];
}

INLINE void NAME(weigh_q2_k)(const float *x, const float *importance, uint8_t *out) {
  f32x16 turned[16], weights[16], found[16], minimum;
  float scales[16], minima[16], totals[16], d[2];
  uint8_t s[16], m[16];
  NAME(turn)(x, 16, turned);
  NAME(weigh)(importance, turned, 16, sum_of_squares(x, SUPER) / SUPER, weights);
  NAME(store_f32)(scales, NAME(fit_affine)(turned, weights, 16, 3, -0.9f, 0.05f, 36, 0, found,
                                           &minimum));
  NAME(store_f32)(minima, minimum);
  NAME(store_f32)(totals, NAME(total)(weights, 16));
  NAME(fit_scales)(scales, minima, totals, 16, 15, s, m, d);
  for (int j = 0; j < 16; j++) out[j] = (uint8_t)(s[j] | m[j] << 4);
  put_half(out + 80, d[0]);
  put_half(out + 82, d[1]);
  NAME(finish_q2_k)(x, found, out);
}

INLINE void NAME(weigh_q3_k)(const float *x, const float *importance, uint8_t *out) {
  f32x16 turned[16], weights[16], found[16], scales[16], totals[16], codes[16];
  NAME(turn)(x, 16, turned);
  NAME(weigh)(importance, turned, 16, 2 * sum_of_squares(x, SUPER) / SUPER, weights);
  f32x16 scale = NAME(fit_symmetric)(turned, weights, 16, 4, found);
  f32x16 total = NAME(total)(weights, 16);
  // One problem, the same in all lanes.
  for (int j = 0; j < 16; j++) {
    scales[j] = (f32x16)scale[j];
    totals[j] = (f32x16)total[j];
  }
  float d = NAME(fit_symmetric)(scales, totals, 16, 32, codes)[0];
  uint8_t l[16];
  int whole[16];
  for (int j = 0; j < 16; j++) {
    l[j] = (uint8_t)codes[j][0];
    whole[j] = l[j] - 32;
  }
  pack_q3_k_scales(l, out);
  put_half(out + 108, d);
  NAME(finish_q3_k)(x, found, whole, out);
}

// One block or two of Q4_K or Q5_K.
INLINE void NAME(weigh_fours)(const float *x, const float *importance, int blocks, int top,
                              uint8_t *out) {
  f32x16 turned[32], weights[32], found[32], minimum, variance = 0;
  float scales[16], minima[16], totals[16], pair[2 * SUPER] = {0};
  uint8_t codes[2 * SUPER];
  NAME(turn_pair)(x, blocks, turned);
  memcpy(pair, importance, (size_t)blocks * SUPER * sizeof(float));
  for (int block = 0; block < blocks; block++) {
    float mean = 2 * sum_of_squares(x + SUPER * block, SUPER) / SUPER;
    for (int j = 0; j < 8; j++) variance[8 * block + j] = mean;
  }
  NAME(weigh)(pair, turned, 32, variance, weights);
  NAME(store_f32)(scales, NAME(fit_affine)(turned, weights, 32, (float)top, -0.9f, 0.05f, 36, 0,
                                           found, &minimum));
  NAME(store_f32)(minima, minimum);
  NAME(store_f32)(totals, NAME(total)(weights, 32));
  NAME(turn_back)(found, 32, codes);
  for (int block = 0; block < blocks; block++) {
    uint8_t *at = out + block * (top == 15 ? 144 : 176), s[8], m[8];
    float d[2];
    NAME(fit_scales)(scales + 8 * block, minima + 8 * block, totals + 8 * block, 8, 63, s, m, d);
    put_half(at, d[0]);
    put_half(at + 2, d[1]);
    pack_six_bits(s, m, at + 4);
    NAME(finish_fours)(x + SUPER * block, top, codes + SUPER * block, at);
  }
}

static uint8_t *NAME(weigh_row_of_pairs)(int top, const float *x, const float *importance,
                                         size_t columns, uint8_t *out) {
  size_t size = top == 15 ? 144 : 176;
  for (size_t i = 0; i < columns; i += 2 * SUPER) {
    int blocks = columns - i < 2 * SUPER ? 1 : 2;
    if (top == 15) NAME(weigh_fours)(x + i, importance + i, blocks, 15, out);
    else NAME(weigh_fours)(x + i, importance + i, blocks, 31, out);
    out += (size_t)blocks * size;
  }
  return out;
}

// Sixteen blocks of 32 or fewer, the mean of squares being that of the row.
INLINE void NAME(weigh_blocks)(int format, const float *x, const float *importance, int blocks,
                               float variance, uint8_t *out) {
  f32x16 turned[32], weights[32], found[32], minimum = 0, scale;
  float values[16 * 32] = {0}, columns[16 * 32] = {0};
  uint8_t codes[16 * 32];
  memcpy(values, x, (size_t)blocks * 32 * sizeof(float));
  memcpy(columns, importance, (size_t)blocks * 32 * sizeof(float));
  NAME(turn)(values, 32, turned);
  NAME(weigh)(columns, turned, 32, variance, weights);
  int is_five = format == PARE_Q5_0 || format == PARE_Q5_1;
  int has_minimum = format == PARE_Q4_1 || format == PARE_Q5_1;
  if (has_minimum)
    scale = NAME(fit_affine)(turned, weights, 32, is_five ? 31 : 15, -0.9f, 0.05f, 36, 0, found,
                             &minimum);
  else scale = NAME(fit_symmetric)(turned, weights, 32, is_five ? 16 : 8, found);
  NAME(turn_back)(found, 32, codes);
  for (int block = 0; block < blocks; block++) {
    const uint8_t *c = codes + 32 * block;
    put_half(out, scale[block]);
    out += 2;
    if (has_minimum) {
      put_half(out, -minimum[block]);
      out += 2;
    }
    NAME(pack_32)(NAME(unsigned_codes)(c), NAME(unsigned_codes)(c + 16), is_five ? out : NULL,
                  is_five ? out + 4 : out);
    out += is_five ? 20 : 16;
  }
}

static uint8_t *NAME(weigh_row)(int format, const float *x, const float *importance,
                                size_t columns, uint8_t *out) {
  float variance = sum_of_squares(x, columns) / (float)columns;
  size_t size = format == PARE_Q4_0 ? 18 : format == PARE_Q4_1 ? 20 : format == PARE_Q5_0 ? 22 : 24;
  for (size_t i = 0; i < columns; i += 512) {
    int blocks = columns - i < 512 ? (int)(columns - i) / 32 : 16;
    switch (format) {
    case PARE_Q4_0:
      NAME(weigh_blocks)(PARE_Q4_0, x + i, importance + i, blocks, variance, out);
      break;
    case PARE_Q4_1:
      NAME(weigh_blocks)(PARE_Q4_1, x + i, importance + i, blocks, variance, out);
      break;
    case PARE_Q5_0:
      NAME(weigh_blocks)(PARE_Q5_0, x + i, importance + i, blocks, variance, out);
      break;
    default: NAME(weigh_blocks)(PARE_Q5_1, x + i, importance + i, blocks, variance, out);
    }
    out += (size_t)blocks * size;
  }
  return out;
}
