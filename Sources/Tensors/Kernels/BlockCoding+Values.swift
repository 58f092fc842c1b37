extension BlockCoding {
  /// Blocks with the codes of some values put into them, whose scales and minima `parts` has; each
  /// value to the nearest that its block allows.
  package func putting(
    _ values: Tensor, into blocks: [UInt8], _ parts: BlockCodes,
    threads: Int = Parallel.defaultThreads
  ) -> [UInt8] {
    let (rows, columns) = (values.shape.rows, values.shape.columns)
    let size = parts.groupSize
    let perRow = columns / size
    let codes = nearestCodes()
    let found = unsafe [UInt8](unsafeUninitializedCapacity: rows * columns) { out, count in
      let out = unsafe Shared(out)
      Parallel.forEach(count: rows, threads: threads) { row in
        unsafe values.withUnsafeValues { values in
          for group in 0..<perRow {
            let scale = parts.scales[row, group]
            let minimum = parts.minima?[row, group] ?? 0
            let first = row * columns + group * size
            for index in first..<first + size {
              let level = unsafe scale == 0 ? 0 : (values[index] - minimum) / scale
              unsafe out.pointer[index] = codes.code(of: level)
            }
          }
        }
      }
      count = rows * columns
    }
    return putting(found, into: blocks)
  }

  /// Which code is nearest to a value over its scale.
  private struct NearestCodes {
    let least: Int
    /// By whole numbers from `least` on.
    let codes: [UInt8]

    func code(of level: Float) -> UInt8 {
      let index = Int(min(max(level.rounded(.toNearestOrEven), -1e6), 1e6)) - least
      return codes[min(max(index, 0), codes.count - 1)]
    }
  }

  private func nearestCodes() -> NearestCodes {
    let sorted = levels.indices.sorted { levels[$0] < levels[$1] }
    let (least, most) = (Int(levels[sorted[0]]), Int(levels[sorted[sorted.count - 1]]))
    let codes = (least...most).map { number in
      sorted.min { abs(levels[$0] - Float(number)) < abs(levels[$1] - Float(number)) } ?? 0
    }
    return NearestCodes(least: least, codes: codes.map { UInt8($0) })
  }
}
