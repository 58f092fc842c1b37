internal import CKernels
internal import Tensors

/// Codes of values on a grid (`QuantizationGrid` has the equation), counted from
/// `codes.lowerBound` up, one a byte.
enum GridCodes {
  /// Whether the grid's groups cover a tensor and its codes fit their bits.
  static func fits(_ grid: QuantizationGrid, _ shape: Shape) -> Bool {
    guard !grid.hasDepths, (1...8).contains(grid.bits), grid.groupSize > 0,
      grid.codes.upperBound - grid.codes.lowerBound < 1 << grid.bits
    else { return false }
    let groups = GridLayout(grid).groups(in: shape)
    return grid.scales.count == groups && (grid.zeros.isEmpty || grid.zeros.count == groups)
  }

  /// Which values a grid gives back bit for bit.
  enum Reach { case none, kept, all }

  /// Tries `value(code(x))` on every value x.
  static func reach(of grid: QuantizationGrid, over tensor: Tensor, kept: Mask) -> Reach {
    guard fits(grid, tensor.shape) else { return .none }
    let bands = GridBands(grid, tensor.shape)
    var found = [Reach](repeating: .all, count: bands.count)
    unsafe tensor.withUnsafeValues { values in
      unsafe found.withUnsafeMutableBufferPointer { found in
        let (values, found) = unsafe (Shared(values), Shared(found))
        Parallel.forEach(count: bands.count) { band in
          unsafe found.pointer[band] = reach(grid, bands, band, values.pointer, kept)
        }
      }
    }
    return found.contains(.none) ? .none : found.contains(.kept) ? .kept : .all
  }

  private static func reach(
    _ grid: QuantizationGrid, _ bands: GridBands, _ band: Int,
    _ values: UnsafeBufferPointer<Float>, _ kept: Mask
  ) -> Reach {
    var reach = Reach.all
    bands.forEachGroup(in: band) { range, group in
      let codec = pare_codec(grid, group)
      guard reach != .none, let start = values.baseAddress,
        unsafe pare_grid_misses(
          KernelLevel.best, codec, start + range.lowerBound, range.count) != 0
      else { return }
      // Zeros that are pruned need no code.
      let isMissed = range.contains { index in
        let isWanted = unsafe values[index].bitPattern != 0 || kept[index]
        let misses = unsafe pare_grid_misses(KernelLevel.best, codec, start + index, 1)
        return isWanted && misses != 0
      }
      reach = isMissed ? .none : .kept
    }
    return reach
  }

  static func codes(_ grid: QuantizationGrid, _ tensor: Tensor) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: tensor.shape.count) { target, count in
      let target = unsafe Shared(target)
      unsafe forEachBand(grid, tensor) { range, codes in
        unsafe _ = UnsafeMutableBufferPointer(rebasing: target.pointer[range])
          .update(fromContentsOf: codes)
      }
      count = tensor.shape.count
    }
  }

  /// The codes packed into bits.
  static func packed(_ grid: QuantizationGrid, _ tensor: Tensor) -> Bytes {
    let byteCount = BitPacking.byteCount(tensor.shape.count, bits: grid.bits)
    return unsafe Bytes(
      Mapping(count: byteCount) { target in
        let target = unsafe Shared(target)
        unsafe forEachBand(grid, tensor) { range, codes in
          guard let packed = unsafe target.pointer.baseAddress, let start = codes.baseAddress
          else { return }
          // Bands begin at whole bytes.
          unsafe pare_pack_codes(
            KernelLevel.best, start, codes.count, Int32(grid.bits),
            packed.assumingMemoryBound(to: UInt8.self) + range.lowerBound / 8 * grid.bits)
        }
      })
  }

  /// Calls `body` on all threads with the codes of each band.
  private static func forEachBand(
    _ grid: QuantizationGrid, _ tensor: Tensor,
    _ body: @Sendable (Range<Int>, UnsafeBufferPointer<UInt8>) -> Void
  ) {
    let bands = GridBands(grid, tensor.shape)
    unsafe tensor.withUnsafeValues { values in
      let values = unsafe Shared(values.baseAddress)
      Parallel.forEach(count: bands.count) { band in
        let whole = bands.range(band)
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: whole.count) { codes in
          bands.forEachGroup(in: band) { range, group in
            guard let values = unsafe values.pointer, let codes = codes.baseAddress else { return }
            unsafe pare_grid_codes(
              KernelLevel.best, pare_codec(grid, group), values + range.lowerBound, range.count,
              codes + (range.lowerBound - whole.lowerBound))
          }
          unsafe body(whole, UnsafeBufferPointer(codes))
        }
      }
    }
  }

  /// The values of codes.
  static func tensor(_ codes: [UInt8], _ grid: QuantizationGrid, _ shape: Shape) -> Tensor {
    unsafe codes.withUnsafeBufferPointer { codes in
      let codes = unsafe Shared(codes)
      return unsafe tensor(grid, shape) { range, target in
        unsafe _ = target.update(
          fromContentsOf: UnsafeBufferPointer(rebasing: codes.pointer[range]))
      }
    }
  }

  /// The values of packed codes; the bytes must hold as many as the shape has.
  static func tensor(packed: Bytes, _ grid: QuantizationGrid, _ shape: Shape) -> Tensor {
    unsafe packed.withUnsafeBytes { packed in
      let packed = unsafe Shared(packed.assumingMemoryBound(to: UInt8.self).baseAddress)
      return unsafe tensor(grid, shape) { range, target in
        guard let packed = unsafe packed.pointer, let target = target.baseAddress else { return }
        unsafe pare_unpack_codes(
          KernelLevel.best, packed + range.lowerBound / 8 * grid.bits, range.count,
          Int32(grid.bits), target)
      }
    }
  }

  /// `fill` gets a band and room for its codes.
  private static func tensor(
    _ grid: QuantizationGrid, _ shape: Shape,
    _ fill: @Sendable (Range<Int>, UnsafeMutableBufferPointer<UInt8>) -> Void
  ) -> Tensor {
    let bands = GridBands(grid, shape)
    return unsafe Tensor(shape) { target in
      let target = unsafe Shared(target.baseAddress)
      Parallel.forEach(count: bands.count) { band in
        let whole = bands.range(band)
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: whole.count) { codes in
          unsafe fill(whole, codes)
          bands.forEachGroup(in: band) { range, group in
            guard let target = unsafe target.pointer, let codes = codes.baseAddress else { return }
            unsafe pare_grid_values(
              KernelLevel.best, pare_codec(grid, group),
              codes + (range.lowerBound - whole.lowerBound), range.count,
              target + range.lowerBound)
          }
        }
      }
    }
  }
}

extension pare_codec {
  /// Of one group.
  fileprivate init(_ grid: QuantizationGrid, _ group: Int) {
    let zero = grid.zeros.isEmpty ? 0 : Float(grid.zeros[group])
    self.init(GridLayout(grid), scale: grid.scales[group], zero: zero)
  }

  init(_ layout: GridLayout, scale: Float, zero: Float) {
    self.init(
      scale: scale, shift: Float(layout.codes.lowerBound) - zero,
      highest: Float(layout.codes.upperBound - layout.codes.lowerBound),
      binary: layout.isBinary ? 1 : 0)
  }
}

/// A tensor's weights in bands that are worked on by themselves: whole rows, or of a
/// grid with one group any weights, a multiple of 8 but for the last.
private struct GridBands: Sendable {
  private let shape: Shape
  private let groupSize: Int
  private let isPerTensor: Bool
  /// Weights of a band.
  private let size: Int
  let count: Int

  init(_ grid: QuantizationGrid, _ shape: Shape) {
    self.shape = shape
    groupSize = grid.groupSize
    isPerTensor = GridLayout(grid).isPerTensor(shape)
    let columns = max(shape.columns, 1)
    let rows = max(1, Parallel.chunk / columns / 8) * 8
    size = isPerTensor ? Parallel.chunk : rows * columns
    count = Parallel.chunks(shape.count, of: size)
  }

  func range(_ band: Int) -> Range<Int> { Parallel.range(band, of: shape.count, size: size) }

  /// Calls `body` with each group's weights in a band.
  @inline(__always)
  func forEachGroup(in band: Int, _ body: (Range<Int>, Int) -> Void) {
    let whole = range(band)
    if isPerTensor { return body(whole, 0) }
    let columns = max(shape.columns, 1)
    let groups = (columns + groupSize - 1) / groupSize
    for row in whole.lowerBound / columns..<whole.upperBound / columns {
      for group in 0..<groups {
        let start = row * columns + group * groupSize
        body(start..<min(start + groupSize, (row + 1) * columns), row * groups + group)
      }
    }
  }
}
