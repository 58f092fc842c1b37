import Backend
import CKernels
import TestSupport
import Testing

/// Products of panels are those of the numbers, whatever computes them.
@Suite struct PanelTests {
  /// What computes panels here, and how far a product may be off, relative to the sum of
  /// magnitudes of its terms.
  struct Unit: Sendable, CustomStringConvertible {
    let number: Int32
    let kind: Int32
    let error: Double

    var description: String { "unit \(number), kind \(kind)" }

    static let all: [Unit] = {
      let (full, split, half) = (Int32(PARE_FULL), Int32(PARE_SPLIT), Int32(PARE_HALF))
      var units = (0...pare_best_level()).map { Unit(number: $0, kind: full, error: 2e-6) }
      units += [
        Unit(number: Int32(PARE_PLAIN), kind: split, error: 1.2e-5),
        Unit(number: Int32(PARE_PLAIN), kind: half, error: 4e-3),
      ]
      let tiles = Int32(PARE_UNIT_TILES)
      if pare_best_unit(split) == tiles {
        units += [
          Unit(number: tiles, kind: split, error: 1.2e-5),
          Unit(number: tiles, kind: half, error: 4e-3),
        ]
      }
      if pare_has_bf16_unit() != 0 {
        units.append(Unit(number: Int32(PARE_UNIT_BF16), kind: half, error: 4e-3))
      }
      return units
    }()
  }

  struct Size: Sendable {
    let rows: Int
    let k: Int
    let inputs: Int

    static let all = [
      Size(rows: 16, k: 32, inputs: 16), Size(rows: 48, k: 96, inputs: 50),
      Size(rows: 37, k: 77, inputs: 3), Size(rows: 100, k: 2500, inputs: 70),
      Size(rows: 5, k: 7, inputs: 300), Size(rows: 3, k: 0, inputs: 2),
      Size(rows: 1, k: 1, inputs: 1),
    ]
  }

  @Test(arguments: Unit.all, Size.all)
  func theProductIsThatOfTheNumbers(unit: Unit, size: Size) {
    let weights = values(size.rows * size.k, seed: 1)
    let inputs = values(size.inputs * size.k, seed: 2)
    let bias = values(size.rows, seed: 3)
    for (hasBias, adds) in [(false, false), (true, false), (true, true)] {
      let found = multiply(unit, size, weights, inputs, hasBias ? bias : nil, adds: adds)
      for input in 0..<size.inputs {
        for row in 0..<size.rows {
          var (sum, magnitude) = (0.0, 1e-3)
          for k in 0..<size.k {
            let term = Double(weights[row * size.k + k]) * Double(inputs[input * size.k + k])
            sum += term
            magnitude += abs(term)
          }
          if hasBias { sum += Double(bias[row]) }
          if adds { sum += 1 }
          let error = abs(sum - Double(found[input * size.rows + row]))
          guard error > unit.error * (magnitude + 2) else { continue }
          Issue.record("\(unit), \(size): \(error) of \(magnitude) at row \(row), input \(input)")
          return
        }
      }
    }
  }

  /// f(gate) · up in panels gives the product after it what the numbers would.
  @Test(arguments: Unit.all, [true, false])
  func aGateLeavesTheInputsOfTheNextProduct(unit: Unit, isGated: Bool) {
    let (rows, k, inputs, outputs) = (75, 40, 37, 20)
    let (gate, up) = (values(rows * k, seed: 1), values(rows * k, seed: 2))
    let (bias, upBias) = (values(rows, seed: 3), values(rows, seed: 4))
    let x = values(inputs * k, seed: 5)
    let last = values(outputs * rows, seed: 6)
    var hidden = [Float](repeating: 0, count: inputs * rows)
    for input in 0..<inputs {
      for row in 0..<rows {
        var (a, b) = (Double(bias[row]), Double(upBias[row]))
        for j in 0..<k {
          a += Double(gate[row * k + j]) * Double(x[input * k + j])
          b += Double(up[row * k + j]) * Double(x[input * k + j])
        }
        hidden[input * rows + row] = Float(max(a, 0) * (isGated ? b : 1))
      }
    }
    let xs = Packed(unit, .inputs, x, count: inputs, k: k)
    let target = Packed(unit, .inputs, hidden, count: inputs, k: rows)
    target.clear(with: 0x7f)
    let room = Memory(2 * 96 * Int(PARE_PANEL_INPUTS) * 4)
    let (first, second) = (
      Packed(unit, .rows, gate, count: rows, k: k), Packed(unit, .rows, up, count: rows, k: k)
    )
    unsafe pare_multiply_gated(
      unit.number, unit.kind, k, first.panels,
      isGated ? second.panels : pare_panels(high: nil, low: nil, count: rows), bias, upBias,
      Int32(PARE_RELU), xs.panels, room.floats, target.high.start, target.low?.start,
      target.panelByteCount)
    let weights = Packed(unit, .rows, last, count: outputs, k: rows)
    let found = multiply(unit, weights, target, outputs: outputs, inputs: inputs, k: rows)
    for input in 0..<inputs {
      for output in 0..<outputs {
        var (sum, magnitude) = (0.0, 1.0)
        for row in 0..<rows {
          let term = Double(last[output * rows + row]) * Double(hidden[input * rows + row])
          sum += term
          magnitude += abs(term)
        }
        let error = abs(sum - Double(found[input * outputs + output]))
        #expect(error <= 4 * unit.error * magnitude, "\(unit)")
      }
    }
  }

  struct Attention: Sendable {
    let keyWidth: Int
    let valueWidth: Int
    let first: Int
    let count: Int
    var cap: Float = 0
    var window = 0
    var sink: Float?

    static let all = [
      Attention(keyWidth: 64, valueWidth: 64, first: 0, count: 32),
      Attention(keyWidth: 64, valueWidth: 64, first: 100, count: 17),
      Attention(keyWidth: 20, valueWidth: 24, first: 37, count: 5, cap: 3),
      Attention(keyWidth: 64, valueWidth: 80, first: 70, count: 19, window: 9, sink: 0.3),
      Attention(
        keyWidth: 96, valueWidth: 128, first: 300, count: 32, cap: 5, window: 100, sink: -1),
      Attention(keyWidth: 0, valueWidth: 16, first: 3, count: 2),
      Attention(keyWidth: 8, valueWidth: 3, first: 0, count: 1),
    ]
  }

  @Test(arguments: Unit.all, Attention.all)
  func attentionIsThatOfTheNumbers(unit: Unit, shape: Attention) {
    let seen = shape.first + shape.count
    let queries = values(shape.count * shape.keyWidth, seed: 1)
    let keys = values(seen * shape.keyWidth, seed: 2)
    let content = values(seen * shape.valueWidth, seed: 3)
    let packedKeys = Packed(unit, .rows, keys, count: seen, k: shape.keyWidth)
    let packedValues = Packed(unit, .columns, content, count: shape.valueWidth, k: seen)
    let room = Memory(pare_attention_room(seen, shape.keyWidth) * 4)
    var found = [Float](repeating: .nan, count: shape.count * shape.valueWidth)
    var sink = shape.sink ?? 0
    unsafe withUnsafePointer(to: &sink) { sink in
      var rule = unsafe pare_attention(
        scale: 0.5, cap: shape.cap, window: shape.window, sink: shape.sink == nil ? nil : sink)
      unsafe pare_attend_panels(
        unit.number, unit.kind, shape.keyWidth, shape.valueWidth, shape.first, packedKeys.panels,
        packedValues.panels, packedValues.panelByteCount, queries, shape.keyWidth, shape.count,
        &rule, room.floats, &found, shape.valueWidth)
    }
    for query in 0..<shape.count {
      let meant = attention(shape, query, queries, keys, content)
      for (channel, value) in meant.enumerated() {
        let error = abs(Double(found[query * shape.valueWidth + channel]) - value)
        #expect(error <= 4 * unit.error, "\(unit), \(shape)")
      }
      guard shape.keyWidth == shape.valueWidth else { continue }
      let single = alone(shape, query, queries, keys, content, isHalf: false)
      #expect(zip(single, meant).allSatisfy { abs(Double($0) - $1) <= 4e-6 })
      // As bf16 they give what attention over the rounded numbers gives.
      let half = alone(shape, query, queries, keys, content, isHalf: true)
      let rounded = attention(shape, query, queries, keys.map(Self.half), content.map(Self.half))
      #expect(zip(half, rounded).allSatisfy { abs(Double($0) - $1) <= 4e-6 })
    }
  }

  private static func half(_ value: Float) -> Float {
    var bits: UInt16 = 0
    unsafe Processor.round(1, [value], into: &bits)
    return Float(bitPattern: UInt32(bits) << 16)
  }

  /// One query that reads keys and values where they lie.
  private func alone(
    _ shape: Attention, _ query: Int, _ queries: [Float], _ keys: [Float], _ content: [Float],
    isHalf: Bool
  ) -> [Float] {
    let start = shape.window > 0 ? max(shape.first + query + 1 - shape.window, 0) : 0
    let (count, width) = (shape.first + query + 1 - start, shape.keyWidth)
    let scores = Memory(count * 4)
    let rule = AttentionRule(
      scale: 0.5, cap: shape.cap == 0 ? nil : shape.cap, window: shape.window, sink: shape.sink)
    var out = [Float](repeating: .nan, count: width)
    // Keys and values stand in rows of both.
    let rows = Values(rows: keys.count / width, width: 2 * width, isHalf: isHalf)
    for row in 0..<keys.count / width {
      for (column, values) in [(0, keys), (width, content)] {
        unsafe Processor.copy(
          width, Array(values[row * width..<(row + 1) * width]), into: rows.place(row, column),
          isHalf: isHalf)
      }
    }
    let seen = rows.rows(from: start)
    unsafe Processor.attend(
      count, keyWidth: width, valueWidth: width,
      query: Array(queries[query * width..<(query + 1) * width]), keys: seen,
      values: seen.columns(from: width), rule, scores: scores.floats, into: &out)
    return out
  }

  private func attention(
    _ shape: Attention, _ query: Int, _ queries: [Float], _ keys: [Float], _ content: [Float]
  ) -> [Double] {
    let position = shape.first + query
    let start = shape.window > 0 ? max(position + 1 - shape.window, 0) : 0
    let scores = (start...position).map { key in
      var sum = 0.0
      for channel in 0..<shape.keyWidth {
        sum +=
          Double(queries[query * shape.keyWidth + channel])
          * Double(keys[key * shape.keyWidth + channel])
      }
      let score = 0.5 * sum
      return shape.cap == 0
        ? score : Double(shape.cap) * hyperbolicTangent(score / Double(shape.cap))
    }
    let top = max(scores.max() ?? 0, Double(shape.sink ?? -.infinity))
    let shares = scores.map { exponential($0 - top) }
    let total = shares.reduce(shape.sink.map { exponential(Double($0) - top) } ?? 0, +)
    return (0..<shape.valueWidth).map { channel in
      zip(start...position, shares).reduce(0) {
        $0 + $1.1 / total * Double(content[$1.0 * shape.valueWidth + channel])
      }
    }
  }

  // MARK: Memory

  private func values(_ count: Int, seed: UInt64) -> [Float] {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { _ in Float.random(in: -1...1, using: &random) }
  }

  private func multiply(
    _ unit: Unit, _ size: Size, _ weights: [Float], _ inputs: [Float], _ bias: [Float]?, adds: Bool
  ) -> [Float] {
    multiply(
      unit, Packed(unit, .rows, weights, count: size.rows, k: size.k),
      Packed(unit, .inputs, inputs, count: size.inputs, k: size.k), outputs: size.rows,
      inputs: size.inputs, k: size.k, bias: bias, adds: adds)
  }

  private func multiply(
    _ unit: Unit, _ weights: Packed, _ inputs: Packed, outputs: Int, inputs count: Int, k: Int,
    bias: [Float]? = nil, adds: Bool = false
  ) -> [Float] {
    let room = Memory((outputs + 15) / 16 * 16 * Int(PARE_PANEL_INPUTS) * 4)
    var found = [Float](repeating: adds ? 1 : .nan, count: count * outputs)
    unsafe pare_multiply_panels(
      unit.number, unit.kind, k, weights.panels, inputs.panels, room.floats, &found, outputs,
      bias, adds ? 1 : 0)
    return found
  }
}

/// Numbers in panels.
@safe
private final class Packed {
  enum Order { case rows, inputs, columns }

  let high: Memory
  let low: Memory?
  let panelByteCount: Int
  private let count: Int

  init(_ unit: PanelTests.Unit, _ order: Order, _ values: [Float], count: Int, k: Int) {
    let length = pare_chunk_length(unit.kind)
    panelByteCount = (k + length - 1) / length * 1024
    self.count = count
    let size = (count + 15) / 16 * panelByteCount
    high = Memory(size)
    low = unit.kind == Int32(PARE_SPLIT) ? Memory(size) : nil
    let level = pare_best_packing()
    let (high, low) = unsafe (high.start, low?.start)
    switch order {
    case .rows: unsafe pare_pack_rows(level, unit.kind, count, k, values, k, high, low)
    case .inputs: unsafe pare_pack_inputs(level, unit.kind, count, k, values, k, high, low)
    case .columns:
      unsafe pare_pack_columns(
        level, unit.kind, count, k, values, count, high, low, panelByteCount)
    }
  }

  var panels: pare_panels {
    unsafe pare_panels(high: high.start, low: low?.start, count: count)
  }

  func clear(with byte: UInt8) {
    for memory in [high, low].compactMap(\.self) {
      unsafe memory.start.initializeMemory(as: UInt8.self, repeating: byte, count: memory.count)
    }
  }
}

@safe
private final class Memory {
  let start: UnsafeMutableRawPointer
  let count: Int
  var floats: UnsafeMutablePointer<Float> { unsafe start.assumingMemoryBound(to: Float.self) }

  init(_ count: Int) {
    self.count = count
    unsafe start = .allocate(byteCount: max(count, 64), alignment: 64)
  }

  deinit { unsafe start.deallocate() }
}
