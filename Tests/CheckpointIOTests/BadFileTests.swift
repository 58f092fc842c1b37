import CheckpointIO
import Glibc
import Tensors
import TestSupport
import Testing

/// Every hostile file has its outcome: a sentence, or an opening with so many
/// tensors. Weights are read too: nothing traps later either.
@Suite(.enabled(if: SharedData.isPresent)) struct BadFileTests {
  enum Outcome: Sendable {
    /// Words the sentence must have.
    case refused(String)
    case opens(Int, warning: String? = nil)
  }

  static let safetensors: [(String, Outcome)] = [
    ("st_empty.safetensors", .refused("too short")),
    ("st_7bytes.safetensors", .refused("needs 8 bytes, 7 are there")),
    ("st_trunc_header.safetensors", .refused("truncated: the header at byte 8")),
    ("st_trunc_data.safetensors", .refused("tensor 'transformer.wte.weight' ends at byte 112792")),
    ("st_trailing_bytes.safetensors", .opens(15, warning: "16 bytes follow")),
    ("st_header_len_huge.safetensors", .refused("claims 9223372036854775808 bytes")),
    ("st_header_not_json.safetensors", .refused("JSON at byte 8")),
    ("st_header_leading_space.safetensors", .opens(1, warning: "does not begin with '{'")),
    ("st_header_padded.safetensors", .opens(1)),
    ("st_deep_nesting.safetensors", .refused("invalid JSON")),
    ("st_dup_keys.safetensors", .refused("'a' is listed twice")),
    ("st_offset_reversed.safetensors", .refused("'a' has the impossible byte range 4 to 0")),
    ("st_offset_negative.safetensors", .refused("'a' has the impossible byte range -4 to 0")),
    ("st_offset_float.safetensors", .refused("integer expected")),
    ("st_size_mismatch.safetensors", .refused("'a' needs 12 bytes by its shape")),
    ("st_dtype_unknown.safetensors", .opens(1, warning: "'a' has the type 'F33'")),
    ("st_shape_overflow.safetensors", .refused("'a' has a shape whose size overflows")),
    ("st_shape_negative.safetensors", .refused("'a' has a negative dimension")),
    ("st_zero_size.safetensors", .opens(3)),
    ("st_nan_inf.safetensors", .opens(6)),
    ("st_key_weird.safetensors", .opens(5)),
    ("st_meta_nonstring.safetensors", .opens(1, warning: "metadata 'n' is not text")),
    ("st_100k_tensors.safetensors", .opens(100_000)),
    ("st_misaligned.safetensors", .opens(2)),
    (
      "st_shards_missing",
      .opens(1, warning: "'model-00002-of-00002.safetensors' is missing, and 1 tensor with it")
    ),
    ("st_shards_traversal", .refused("'../../../../etc/hostname' of the checkpoint cannot be")),
    ("html_instead.safetensors", .refused("HTML")),
  ]

  static let pytorch: [(String, Outcome)] = [
    ("pt_raw_pickle_os_system.pt", .refused("bare pickle")),
    ("pt_valid_minimal.pt", .opens(1)),
    ("pt_cuda_device.pt", .opens(1)),
    ("pt_storage_short.pt", .refused("'a' reaches to byte 16 of a storage of 8 bytes")),
    ("pt_view_outside.pt", .refused("'a' reaches to byte 40000 of a storage of 16 bytes")),
    ("pt_negative_stride.pt", .refused("'a' has a negative stride")),
    ("pt_offset_negative.pt", .refused("'a' has a negative stride or offset")),
    ("pt_numel_overflow.pt", .refused("'a' has a shape whose size overflows")),
    ("pt_storage_traversal.pt", .refused("no entry 'a/data/../../../etc/passwd'")),
    ("pt_no_data_pkl.pt", .refused("zip archive without data.pkl")),
    ("pt_truncated_pickle.pt", .refused("truncated")),
    ("pt_bad_opcode.pt", .refused("opcode 0xfe is unknown")),
    ("pt_binunicode_huge.pt", .refused("needs 2147483647 bytes")),
    ("pt_long4_negative.pt", .refused("an integer of -1 bytes")),
    ("pt_self_ref.pt", .opens(0, warning: "no tensors")),
    ("pt_deep_nest.pt", .opens(0, warning: "nested deeper")),
    ("pt_memo_bomb.pt", .opens(0, warning: "no tensors")),
    ("pt_bad_local_offset.pt", .refused("'a/data.pkl' does not begin there")),
    ("pt_truncated_zip.pt", .refused("truncated")),
    ("pt_legacy_truncated.pt", .refused("truncated: storage '")),
  ]

  static let gguf: [(String, Outcome)] = [
    ("gguf_alignment_zero.gguf", .refused("general.alignment is 0, which is not a power of two")),
    ("gguf_bad_magic.gguf", .refused("an old GGML file")),
    ("gguf_dims_overflow.gguf", .refused("has a shape whose size overflows")),
    ("gguf_dup_key.gguf", .refused("is there twice")),
    ("gguf_dup_tensor.gguf", .refused("listed twice")),
    ("gguf_empty_valid.gguf", .opens(0)),
    ("gguf_huge_array.gguf", .refused("truncated")),
    ("gguf_huge_kv_count.gguf", .refused("truncated: the number of metadata pairs at byte 16")),
    ("gguf_huge_tensor_count.gguf", .refused("truncated: the number of tensors at byte 8")),
    ("gguf_n_dims_huge.gguf", .refused("more than 4 dimensions")),
    ("gguf_nested_array.gguf", .refused("nesting of metadata")),
    ("gguf_no_tokenizer.gguf", .opens(1)),
    ("gguf_offset_outside.gguf", .refused("ends at byte")),
    ("gguf_offset_unaligned.gguf", .refused("begins at data byte 7, no multiple of 32")),
    ("gguf_removed_type.gguf", .opens(1, warning: "has the type 'Q4_2'")),
    ("gguf_row_not_block.gguf", .refused("has rows of 33, and Q8_0 needs multiples of 32")),
  ]

  static let numPy: [(String, Outcome)] = [
    ("npz_object_array.npz", .refused("'x' has the data type '|O (Python objects)'")),
    ("npz_shape_overflow.npz", .refused("'x' has a shape whose size overflows")),
    ("npz_short_data.npz", .refused("array 'x' at byte 106 needs 4000 bytes, 16 are there")),
  ]

  @Test(arguments: safetensors + pytorch + gguf + numPy)
  func eachHasItsOutcome(file: String, outcome: Outcome) throws {
    do {
      let checkpoint = try Checkpoint.open(SharedData.path("bad/" + file))
      for parameter in checkpoint.parameters { _ = try parameter.tensor() }
      guard case .opens(let count, let warning) = outcome else {
        Issue.record("\(file) was opened")
        return
      }
      #expect(checkpoint.tensors.count == count)
      let warnings = checkpoint.warnings.joined(separator: "; ")
      #expect(warning.map(warnings.contains) ?? warnings.isEmpty, "\(warnings)")
    } catch let error as CheckpointError {
      guard case .refused(let words) = outcome else {
        Issue.record("\(file) was refused: \(error)")
        return
      }
      #expect(error.description.contains(words), "\(error)")
      #expect(!error.description.contains("\n") && error.description.count < 400)
    }
  }

  @Test func misalignedValuesAreRead() throws {
    let checkpoint = try Checkpoint.open(SharedData.path("bad/st_misaligned.safetensors"))
    #expect(try checkpoint.parameters["a"]?.tensor().array == [1, 2])
  }

  @Test func aHundredThousandTensorsMakeTenThousandBlocks() throws {
    let path = SharedData.path("bad/st_100k_tensors.safetensors")
    let blocks = try Checkpoint.open(path).blockMap.blocks.count
    #expect(blocks == 10_000)
  }
}
