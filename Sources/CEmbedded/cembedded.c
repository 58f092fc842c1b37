#include "cembedded.h"

// C23 has it, and clang for every C; no other compiler builds a Swift package.
#pragma clang diagnostic ignored "-Wc23-extensions"

// Aligned, so that the tensors inside are as aligned as in a mapped file.
_Alignas(64) static const unsigned char checkpoint[] = {
#embed "../../Checkpoints/shakespeare-char.safetensors"
};

_Alignas(64) static const unsigned char compressed[] = {
#embed "../../Checkpoints/shakespeare-char-compressed.safetensors"
};

_Alignas(64) static const unsigned char run_log[] = {
#embed "../../Checkpoints/shakespeare-char-compressed.safetensors.log.jsonl"
};

static const unsigned char validation[] = {
#embed "../../Assets/shakespeare-validation.txt"
};

struct embedded_file embedded_checkpoint(void) {
  return (struct embedded_file){checkpoint, sizeof checkpoint};
}

struct embedded_file embedded_compressed(void) {
  return (struct embedded_file){compressed, sizeof compressed};
}

struct embedded_file embedded_log(void) {
  return (struct embedded_file){run_log, sizeof run_log};
}

struct embedded_file embedded_validation(void) {
  return (struct embedded_file){validation, sizeof validation};
}
