// The checkpoint that is part of the program, so that it is one file and opens
// without any other.
#ifndef CEMBEDDED_H
#define CEMBEDDED_H

#include <stddef.h>

// The bytes of Checkpoints/shakespeare-char.safetensors, on a 64-byte boundary.
// They live as long as the process.
const void *_Nonnull embedded_checkpoint_bytes(void);

// How many there are.
size_t embedded_checkpoint_byte_count(void);

#endif
