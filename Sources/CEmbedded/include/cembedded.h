// The checkpoints that are part of the program, and a text to measure them on, so that it
// is one file and opens without any other.
#ifndef CEMBEDDED_H
#define CEMBEDDED_H

#include <stddef.h>

// Bytes on a 64-byte boundary that live as long as the process.
struct embedded_file {
  const void *_Nonnull bytes;
  size_t count;
};

// Checkpoints/shakespeare-char.safetensors
struct embedded_file embedded_checkpoint(void);

// Checkpoints/shakespeare-char-compressed.safetensors
struct embedded_file embedded_compressed(void);

// The log of the run that made it.
struct embedded_file embedded_log(void);

// Assets/shakespeare-validation.txt
struct embedded_file embedded_validation(void);

#endif
