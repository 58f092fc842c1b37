internal import CFaults
internal import CKernels

/// What attention does with scores before softmax.
@safe
package struct AttentionRule {
  package let scale: Float
  /// Scores become cap · tanh(score / cap).
  package let cap: Float?
  /// Keys that a query sees, its own the last; 0 for all.
  package let window: Int
  /// A score more, whose share is dropped.
  package let sink: Float?

  package init(scale: Float, cap: Float?, window: Int, sink: Float?) {
    (self.scale, self.cap, self.window, self.sink) = (scale, cap, window, sink)
  }

  func with<R>(_ body: (UnsafePointer<pare_attention>) -> R) -> R {
    var value = sink ?? 0
    return unsafe withUnsafePointer(to: &value) { value in
      var rule = unsafe pare_attention(
        scale: scale, cap: cap ?? 0, window: window, sink: sink == nil ? nil : value)
      return unsafe withUnsafePointer(to: &rule) { unsafe body($0) }
    }
  }
}

/// Keys and values of one head, in panels.
@safe
package final class AttentionPanels {
  private let numbers: Numbers
  private var count = 0
  private let keys: Panels
  /// Rows are channels, and columns positions.
  private let values: Panels
  private var valueWidth = 0

  package init(_ numbers: Numbers) {
    self.numbers = numbers
    keys = Panels(0, columns: 0, numbers)
    values = Panels(0, columns: 0, numbers)
  }

  /// Takes those of `count` positions, a row each.
  package func pack(
    _ count: Int, keyWidth: Int, _ keys: Values, valueWidth: Int, _ values: Values,
    with hand: Hand
  ) {
    (self.count, self.valueWidth) = (count, valueWidth)
    self.keys.resize(count, columns: keyWidth)
    self.values.resize(valueWidth, columns: count)
    unsafe Self.floats(count, keyWidth, keys, hand) {
      unsafe self.keys.pack(rows: 0..<count, $0, stride: $1)
    }
    unsafe Self.floats(count, valueWidth, values, hand) {
      unsafe self.values.pack(columns: $0, stride: $1, rows: valueWidth)
    }
  }

  /// Gives the values as f32, and how far apart their rows are.
  private static func floats(
    _ count: Int, _ width: Int, _ values: Values, _ hand: Hand,
    _ body: (UnsafePointer<Float>, Int) -> Void
  ) {
    guard values.isHalf else { return unsafe body(values.floats(), values.stride) }
    let wide = unsafe hand.scratch(count * width)
    for row in 0..<count {
      let half = unsafe values.place(row).assumingMemoryBound(to: UInt16.self)
      unsafe pare_from_bf16(width, half, wide + row * width)
    }
    unsafe body(wide, width)
  }

  /// Queries at a time.
  package static let tile = 32

  /// Causal attention of the queries of neighbouring positions, at most a tile of them.
  package func attend(
    _ positions: Range<Int>, _ queries: UnsafePointer<Float>, queryStride: Int,
    _ rule: AttentionRule, into output: UnsafeMutablePointer<Float>, stride: Int, with hand: Hand
  ) {
    precondition(positions.upperBound <= count && positions.count <= AttentionPanels.tile)
    pare_use_signal_stack()
    let (high, low) = unsafe keys.place(0)
    let (valueHigh, valueLow) = unsafe values.place(0)
    let room = unsafe hand.sums(pare_attention_room(positions.upperBound, keys.columns))
    unsafe rule.with { rule in
      unsafe pare_attend_panels(
        pare_best_unit(numbers.code), numbers.code, keys.columns, valueWidth, positions.lowerBound,
        pare_panels(high: high, low: low, count: count),
        pare_panels(high: valueHigh, low: valueLow, count: valueWidth), values.panelByteCount,
        queries, queryStride, positions.count, rule, room, output, stride)
    }
  }
}
