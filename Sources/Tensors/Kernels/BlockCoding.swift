import CKernels
import Synchronization

/// The codes in a format's blocks, apart from what is stored beside them: scales, minima.
///
/// Where each weight's bits are is found by turning over one bit of a block after another,
/// so that the formats are known in one place, the kernel that makes weights of them. Codes
/// are those bits as the block has them, whatever they stand for.
package struct BlockCoding: Sendable {
  package let format: BlockFormat
  /// Bits of a code.
  package let bits: Int
  /// The code that stands for 0 whatever the scales are. nil for formats with minima
  /// (Q4_1, Q5_1, Q2_K, Q4_K, Q5_K) and for those without a level of 0 (IQ4_NL, IQ4_XS,
  /// Q1_0).
  package let zero: UInt8?
  /// Bytes of a block that hold no codes.
  package let side: [Range<Int>]
  private let places: [UInt16]
  /// What each code stands for, times the scale.
  let levels: [Float]
  /// How weights follow from codes; nil where they are no line.
  package let line: Line?

  /// weight = scale · (number + shift), a scale and a shift for each `group` neighbours.
  package struct Line: Sendable {
    package let group: Int
    /// What stands for a code.
    package let numbers: CodeNumbers
    /// A code that stands for 0, or for what is nearest to it, and the code of the next number.
    fileprivate let low: UInt8
    fileprivate let high: UInt8
    /// The number of `low`, and the largest of all.
    fileprivate let number: Float
    fileprivate let most: Float
  }

  /// nil of formats in which weights share bits, as those of TQ1_0 and of codebooks do, and
  /// of Q8_K, whose blocks hold sums of their codes.
  package static func of(_ format: BlockFormat) -> BlockCoding? { all[format] }

  private static let all: [BlockFormat: BlockCoding] = Dictionary(
    uniqueKeysWithValues: BlockFormat.allCases.compactMap { format in
      BlockCoding(format).map { (format, $0) }
    })

  private init?(_ format: BlockFormat) {
    if format == .q8K { return nil }
    let layout = BlockLayout(format)
    var block = [UInt8](repeating: 0, count: format.byteCount)
    var isCode = block
    for patch in layout.codes + layout.plainScales { patch.put(in: &block, at: 0) }
    for patch in layout.codes {
      for offset in patch.bytes.indices { isCode[patch.offset + offset] = 1 }
    }
    let room = Int(PARE_MOST_CODE_BITS) * format.weightCount
    var places = [UInt16](repeating: 0, count: room)
    var form = pare_block_form(format, bits: 0)
    guard unsafe pare_find_places(&form, block, isCode, &places) != 0 else { return nil }
    self.format = format
    self.places = places
    bits = Int(form.bits)
    side = isCode.indices.filter { isCode[$0] == 0 }.reduce(into: []) { ranges, offset in
      if let last = ranges.last, last.upperBound == offset {
        ranges[ranges.count - 1] = last.lowerBound..<offset + 1
      } else {
        ranges.append(offset..<offset + 1)
      }
    }
    zero = layout.minimum == nil ? Self.zero(form, places, block) : nil
    let levels = (0..<1 << bits).map { Self.values(of: UInt8($0), form, places, block)[0] }
    self.levels = levels
    line = Self.line(form, levels)
  }

  /// By the levels of codes: the numbers are counted in steps of the smallest difference.
  private static func line(_ form: pare_block_form, _ levels: [Float]) -> Line? {
    let codes = levels.indices.map { UInt8($0) }
    let sorted = levels.sorted()
    let steps = zip(sorted.dropFirst(), sorted).map { $0 - $1 }.filter { $0 > 0 }
    guard let least = sorted.first, let step = steps.min() else { return nil }
    let numbers = levels.map { (($0 - least) / step).rounded() }
    let areWhole = zip(levels, numbers).allSatisfy { level, number in
      abs(level - least - number * step) <= 1e-3 * step
    }
    guard areWhole, let most = numbers.max(), most <= 255,
      let low = levels.indices.min(by: { abs(levels[$0]) < abs(levels[$1]) }),
      let high = numbers.firstIndex(of: numbers[low] + 1)
    else { return nil }
    let whole = numbers.map { UInt8($0) }
    let kind: CodeNumbers
    if whole == codes {
      kind = .codes
    } else if codes.count == 256 {
      guard codes.allSatisfy({ CodeNumbers.signed.number(of: $0) == whole[Int($0)] }) else {
        return nil
      }
      kind = .signed
    } else {
      guard codes.count <= 64 else { return nil }
      kind = .table(whole + [UInt8](repeating: 0, count: 64 - whole.count))
    }
    return Line(
      group: form.weights == 32 ? 32 : 16, numbers: kind, low: UInt8(low), high: UInt8(high),
      number: numbers[low], most: most)
  }

  private static func values(
    of code: UInt8, _ form: pare_block_form, _ places: [UInt16], _ blocks: [UInt8]
  ) -> [Float] {
    let count = blocks.count / Int(form.bytes)
    let weights = count * Int(form.weights)
    var changed = blocks
    let codes = [UInt8](repeating: code, count: weights)
    let none = [UInt64](repeating: 0, count: (weights + 63) / 64)
    unsafe pare_put_block_codes(form, places, codes, none, count, &changed)
    var values = [Float](repeating: 0, count: weights)
    unsafe pare_dequantize(KernelLevel.best, form.format, changed, count, &values, 0)
    return values
  }

  /// Scales and shifts of blocks, whatever their codes are, one for each of `line`'s groups; nil where
  /// weights or what they are made of are no finite numbers. Precondition: there is a line.
  package func scales(of blocks: [UInt8]) -> (scales: [Float], shifts: [Float])? {
    guard let line else { preconditionFailure("codes of \(format) lie on no line") }
    let first = Self.values(of: line.low, form, places, blocks)
    let second = Self.values(of: line.high, form, places, blocks)
    var (scales, shifts) = ([Float](), [Float]())
    for place in stride(from: 0, to: first.count, by: line.group) {
      var scale = second[place] - first[place]
      var shift = first[place] / scale - line.number
      if scale == 0 {
        // Whatever the code is, it is worth nothing beside this.
        (scale, shift) = first[place] == 0 ? (0, 0) : (first[place] * 0x1p-24, 0x1p24)
      }
      guard (scale * (line.most + abs(shift))).isFinite else { return nil }
      scales.append(scale)
      shifts.append(shift)
    }
    return (scales, shifts)
  }

  private static func zero(
    _ form: pare_block_form, _ places: [UInt16], _ block: [UInt8]
  ) -> UInt8? {
    (0..<UInt8(clamping: 1 << form.bits)).first { code in
      values(of: code, form, places, block).allSatisfy { $0 == 0 }
    }
  }

  private var form: pare_block_form { pare_block_form(format, bits: bits) }

  /// Bytes of a block beside its codes.
  package var sideByteCount: Int { side.reduce(0) { $0 + $1.count } }

  /// The codes of blocks, one a byte.
  package func codes(of blocks: [UInt8]) -> [UInt8] {
    unsafe made(of: blocks) { start, count, codes in
      unsafe pare_block_codes(form, places, start, count, codes)
    }
  }

  /// The code of each weight that makes it the nearest to 0 that its block allows.
  private func leastCodes(of blocks: [UInt8]) -> [UInt8] {
    if let zero {
      return [UInt8](
        repeating: zero, count: blocks.count / format.byteCount * format.weightCount)
    }
    return unsafe made(of: blocks) { start, count, codes in
      unsafe pare_least_codes(form, places, start, count, codes)
    }
  }

  /// The blocks with all weights that are not kept as near to 0 as they can be; codes of
  /// the others and scales are as they were.
  package func pruned(_ blocks: [UInt8], keeping kept: Mask) -> [UInt8] {
    replacing(leastCodes(of: blocks), in: blocks, but: kept)
  }

  /// Blocks with codes put into them.
  package func putting(_ codes: [UInt8], into blocks: [UInt8]) -> [UInt8] {
    let none = [UInt64](repeating: 0, count: (codes.count + 63) / 64)
    return replacing(codes, in: blocks, but: Mask(shape: [codes.count], words: none))
  }

  /// Precondition: a code and a bit of the mask for each weight.
  private func replacing(_ codes: [UInt8], in blocks: [UInt8], but kept: Mask) -> [UInt8] {
    precondition(codes.count == kept.shape.count)
    var changed = blocks
    let count = blocks.count / format.byteCount
    unsafe changed.withUnsafeMutableBufferPointer { changed in
      unsafe codes.withUnsafeBufferPointer { codes in
        unsafe kept.words.withUnsafeBufferPointer { words in
          let target = unsafe Shared(changed.baseAddress)
          let (codes, words) = unsafe (Shared(codes.baseAddress), Shared(words.baseAddress))
          forEachUnit(count) { range in
            let first = range.lowerBound * format.weightCount
            guard let target = unsafe target.pointer, let codes = unsafe codes.pointer,
              let words = unsafe words.pointer
            else { return }
            unsafe pare_put_block_codes(
              form, places, codes + first, words + first / 64, range.count,
              target + range.lowerBound * format.byteCount)
          }
        }
      }
    }
    return changed
  }

  private func made(
    of blocks: [UInt8],
    _ make:
      @Sendable (UnsafePointer<UInt8>, _ count: Int, UnsafeMutablePointer<UInt8>) -> Void
  ) -> [UInt8] {
    let count = blocks.count / format.byteCount
    return unsafe [UInt8](unsafeUninitializedCapacity: count * format.weightCount) {
      codes, initialized in
      let target = unsafe Shared(codes.baseAddress)
      unsafe blocks.withUnsafeBufferPointer { blocks in
        let source = unsafe Shared(blocks.baseAddress)
        forEachUnit(count) { range in
          guard let source = unsafe source.pointer, let target = unsafe target.pointer
          else { return }
          unsafe make(
            source + range.lowerBound * format.byteCount, range.count,
            target + range.lowerBound * format.weightCount)
        }
      }
      initialized = count * format.weightCount
    }
  }

  /// Runs of blocks, which begin at whole words of a mask.
  private func forEachUnit(_ count: Int, _ body: @Sendable (Range<Int>) -> Void) {
    let size = Parallel.chunk / format.weightCount
    Parallel.forEach(count: Parallel.chunks(count, of: size)) { index in
      body(Parallel.range(index, of: count, size: size))
    }
  }
}

extension pare_block_form {
  fileprivate init(_ format: BlockFormat, bits: Int) {
    self.init(
      format: format.kernelFormat, weights: Int32(format.weightCount),
      bytes: Int32(format.byteCount), bits: Int32(bits))
  }
}

extension Tensor {
  /// Whether each value that is kept is the other tensor's bit for bit, and all else 0.
  package func isPruned(_ before: Tensor, keeping kept: Mask) -> Bool {
    guard shape.count == before.shape.count, shape.count == kept.shape.count else { return false }
    let count = shape.count
    return unsafe withUnsafeValues { values in
      unsafe before.withUnsafeValues { before in
        unsafe kept.words.withUnsafeBufferPointer { words in
          let (values, before) = unsafe (Shared(values.baseAddress), Shared(before.baseAddress))
          let words = unsafe Shared(words.baseAddress)
          let isOther = Atomic(false)
          Parallel.forEach(
            count: Parallel.chunks(count), shouldStop: { isOther.load(ordering: .relaxed) }
          ) { index in
            let range = Parallel.range(index, of: count)
            guard let values = unsafe values.pointer, let before = unsafe before.pointer,
              let words = unsafe words.pointer,
              unsafe pare_are_pruned(
                KernelLevel.best, values + range.lowerBound, before + range.lowerBound,
                words + range.lowerBound / 64, range.count) == 0
            else { return }
            isOther.store(true, ordering: .relaxed)
          }
          return !isOther.load(ordering: .relaxed)
        }
      }
    }
  }

  /// What blocks of a matrix tell of its weights now.
  package enum Likeness: Sendable, Hashable {
    /// Bit for bit those of the blocks.
    case same
    /// Those of the blocks where they are kept, and 0 elsewhere.
    case pruned
    case other
  }

  /// Compares with the weights of blocks, a part of which is in memory at a time.
  /// Precondition: there is a block for each `format.weightCount` values.
  package func likeness(
    to blocks: [UInt8], _ format: BlockFormat, keeping kept: Mask
  ) -> Likeness {
    let (count, unit) = (shape.count, Parallel.chunk)
    let isOther = Atomic(false)
    let isPruned = Atomic(false)
    unsafe withUnsafeValues { values in
      unsafe blocks.withUnsafeBufferPointer { blocks in
        unsafe kept.words.withUnsafeBufferPointer { words in
          let (values, blocks) = unsafe (Shared(values.baseAddress), Shared(blocks.baseAddress))
          let words = unsafe Shared(words.baseAddress)
          Parallel.forEach(
            count: Parallel.chunks(count), shouldStop: { isOther.load(ordering: .relaxed) }
          ) { index in
            let range = Parallel.range(index, of: count)
            guard let values = unsafe values.pointer, let blocks = unsafe blocks.pointer,
              let words = unsafe words.pointer
            else { return }
            unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: unit) { before in
              guard let before = before.baseAddress else { return }
              unsafe format.dequantizeRow(
                blocks + range.lowerBound / format.weightCount * format.byteCount,
                blocks: range.count / format.weightCount, into: before)
              let start = unsafe values + range.lowerBound
              let level = KernelLevel.best
              if unsafe pare_are_pruned(level, start, before, nil, range.count) != 0 { return }
              isPruned.store(true, ordering: .relaxed)
              let kept = unsafe words + range.lowerBound / 64
              if unsafe pare_are_pruned(level, start, before, kept, range.count) != 0 { return }
              isOther.store(true, ordering: .relaxed)
            }
          }
        }
      }
    }
    if isOther.load(ordering: .relaxed) { return .other }
    return isPruned.load(ordering: .relaxed) ? .pruned : .same
  }
}
