#include "cembedded.h"

// C23 has it, and clang for every C; no other compiler builds a Swift package.
#pragma clang diagnostic ignored "-Wc23-extensions"

// Aligned, so that the tensors inside are as aligned as in a mapped file.
_Alignas(64) static const unsigned char checkpoint[] = {
#embed "../../Checkpoints/shakespeare-char.safetensors"
};

const void *embedded_checkpoint_bytes(void) { return checkpoint; }

size_t embedded_checkpoint_byte_count(void) { return sizeof checkpoint; }
