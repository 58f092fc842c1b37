import CheckpointIO
import Foundation
import Tensors
import TestSupport
import Testing

/// Damaged files: each opens or throws, and nothing traps, hangs or takes
/// memory that the file does not warrant.
@Suite struct MutationTests {
  /// `PARE_MUTATIONS=100000` for the figure that `make bench` reports.
  static let count =
    ProcessInfo.processInfo.environment["PARE_MUTATIONS"].flatMap { Int($0) } ?? 3000

  enum Kind: String, Sendable, CaseIterable {
    case safetensors, packed, channels, pytorch, minimalPyTorch, oldPyTorch, gguf, npy, npz
    case deflatedNpz
  }

  @Test(arguments: Kind.allCases)
  func everyTruncationIsRefused(kind: Kind) throws {
    let whole = try Self.small(kind)
    _ = try Self.openAll(whole)
    for count in 0..<whole.count {
      #expect(throws: CheckpointError.self, "\(count) bytes of \(whole.count)") {
        try Self.openAll(Array(whole.prefix(count)))
      }
    }
  }

  @Test(arguments: Kind.allCases)
  func noMutationTraps(kind: Kind) throws {
    let whole = try Self.sample(kind)
    let structure = try Self.structure(of: whole)
    var random = SplitMix64(seed: 20_261_121)
    var opened = 0
    for _ in 0..<Self.count {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        Self.mutate(&bytes, within: structure, &random)
      }
      do {
        try Self.openAll(bytes)
        opened += 1
      } catch is CheckpointError {
        continue
      }
    }
    #expect(opened > 0 && opened < Self.count, "\(opened) of \(Self.count) opened")
    print("\(kind.rawValue): \(Self.count) mutations, \(opened) opened")
  }

  private static func openAll(_ bytes: [UInt8]) throws {
    let checkpoint = try Checkpoint.open(bytes: bytes, name: "mutated")
    for parameter in checkpoint.parameters { _ = try parameter.tensor() }
  }

  private static func small(_ kind: Kind) throws -> [UInt8] {
    switch kind {
    case .safetensors: try saved([Samples.tensor(.f32, [3, 4], seed: 5)], form: .dense(nil)).bytes
    case .packed: try saved(Samples.packable, form: .packed).bytes
    case .channels: try saved(Samples.channels, form: .packed).bytes
    case .pytorch, .minimalPyTorch: ZipBytes.pytorch(rows: 3, columns: 4)
    case .oldPyTorch: OldPyTorchBytes.file(rows: 3, columns: 4)
    case .gguf: GGUFBytes.model().bytes
    case .npy: NumPyBytes.array("<f4", "(3, 4)", NumPyBytes.values(12))
    case .npz: NumPyBytes.archive()
    case .deflatedNpz: NumPyBytes.deflated
    }
  }

  private static func sample(_ kind: Kind) throws -> [UInt8] {
    switch kind {
    case .safetensors: TemporaryFolder.bytes(Fixtures.path("tiny-bf16.safetensors"))
    case .packed: try saved(Samples.packable, form: .packed).bytes
    case .channels: try saved(Samples.channels, form: .packed).bytes
    case .pytorch: TemporaryFolder.bytes(Fixtures.path("tiny-bf16.pt"))
    case .minimalPyTorch: ZipBytes.pytorch(rows: 3, columns: 4)
    case .oldPyTorch: OldPyTorchBytes.file(rows: 3, columns: 4)
    case .gguf: GGUFBytes.model().bytes
    case .npy: NumPyBytes.array("<f4", "(3, 4)", NumPyBytes.values(12))
    case .npz: NumPyBytes.archive()
    case .deflatedNpz: NumPyBytes.deflated
    }
  }

  /// Everything that is no weight: where damage has consequences.
  private static func structure(of bytes: [UInt8]) throws -> [Range<Int>] {
    let tensors = try Checkpoint.open(bytes: bytes, name: "whole").tensors
      .filter { $0.encoding == "dense" }.sorted {
        $0.byteRange.lowerBound < $1.byteRange.lowerBound
      }
    var gaps: [Range<Int>] = []
    var end = 0
    for tensor in tensors {
      if tensor.byteRange.lowerBound > end { gaps.append(end..<tensor.byteRange.lowerBound) }
      end = max(end, tensor.byteRange.upperBound)
    }
    if end < bytes.count { gaps.append(end..<bytes.count) }
    return gaps
  }

  private static func mutate(
    _ bytes: inout [UInt8], within structure: [Range<Int>], _ random: inout SplitMix64
  ) {
    guard bytes.count > 16 else { return }
    let range = structure.randomElement(using: &random) ?? 0..<bytes.count
    let isAnywhere = Int.random(in: 0..<8, using: &random) == 0
    let wanted = isAnywhere ? 0..<bytes.count : range
    let offset = min(Int.random(in: wanted, using: &random), bytes.count - 9)
    switch Int.random(in: 0..<8, using: &random) {
    case 0: bytes[offset] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1: bytes[offset] = UInt8.random(in: 0...255, using: &random)
    case 2: bytes[offset] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
    case 3:
      let numbers: [UInt64] = [0, 1, .max, 1 << 63, 1 << 31, 1 << 32, 0xFFFF_FFFF]
      let number = numbers.randomElement(using: &random) ?? 0
      bytes.replaceSubrange(offset..<offset + 8, with: ZipBytes.little(number, 8))
    case 4:
      let count = Int.random(in: 1...16, using: &random)
      bytes.removeSubrange(offset..<min(offset + count, bytes.count))
    case 5:
      let count = Int.random(in: 1...16, using: &random)
      let piece = Array(bytes[offset..<min(offset + count, bytes.count)])
      bytes.insert(contentsOf: piece, at: offset)
    case 6: bytes[offset] = Array("0123456789-.,:[]{}\"".utf8).randomElement(using: &random) ?? 48
    default: bytes.swapAt(offset, Int.random(in: wanted, using: &random) % bytes.count)
    }
  }
}

extension Samples {
  /// One tensor of each kind, small enough to truncate at every byte.
  static let packable: [Parameter] = [
    Samples.cases[1], Samples.cases[6], Samples.cases[7], Samples.cases[10], Samples.cases[11],
  ].enumerated().map { index, sample in
    let parameter = sample.parameter(seed: UInt64(index))
    return Parameter(
      name: "layers.\(index).w.weight", shape: parameter.shape, dtype: parameter.dtype,
      place: parameter.place, grid: parameter.grid, load: { try parameter.tensor() })
  }

  /// Bit depths that differ, in both of their encodings.
  static let channels: [Parameter] = [1, 3, 4, 6].map { index in
    let parameter = ChannelSample.all[index].parameter(seed: UInt64(index))
    return Parameter(
      name: "layers.\(index).w.weight", shape: parameter.shape, dtype: parameter.dtype,
      place: parameter.place, grid: parameter.grid, load: { try parameter.tensor() })
  }
}
