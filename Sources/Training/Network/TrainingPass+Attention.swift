internal import Backend
internal import Models
internal import Transformers

/// The backward pass of causal attention, of one sequence, equally wide heads at once, a tile of
/// queries or of keys at a time.
extension TrainingPass {
  /// From the gradient of attention's results to that of queries, keys and values.
  func attendBackward(_ step: PlannedStep, _ run: ModelPass.Run) {
    let shape = config.shape(of: step.block)
    let rule = tape.dropout.rule(.attention, block: step.block, part: run.row / length)
    /// Heads of queries that have added to the gradients of keys and values they share.
    var added = 0
    for heads in shape.runs {
      let at = HeadPlaces(step, heads, shape, firstRow: run.row, tape)
      let isShared = heads.head.queries > 1
      attendBackward(at, step.block, rule, isShared: isShared, adds: added > 0)
      guard isShared else { continue }
      added += 1
      guard added == heads.head.queries else { continue }
      added = 0
      let all = gradient(.query, step.block)
      keep(keySum, heads.head.keys, in: all, run.row, shape.queryWidth + heads.firstKey)
      keep(valueSum, heads.head.values, in: all, run.row, shape.valueStart + heads.firstValue)
    }
  }

  /// Puts a sum of one sequence where its gradient belongs.
  private func keep(_ sum: Values, _ width: Int, in gradient: Values, _ row: Int, _ column: Int) {
    for index in 0..<length {
      unsafe Processor.copy(
        width, sum.memory.floats + index * width, into: gradient.place(row + index, column),
        isHalf: gradient.isHalf)
    }
  }

  private func attendBackward(
    _ at: HeadPlaces, _ block: Int, _ rule: DropoutRule, isShared: Bool, adds: Bool
  ) {
    let (heads, head, padded) = (at.heads.heads, at.heads.head, tape.padded)
    let form = ProductForm(isHalf: isHalf, isOutputHalf: isHalf)
    let (mixed, all) = (gradient(.mixed, block), gradient(.query, block))
    let tile = ModelPass.queryTile
    let step = length * padded
    for start in stride(from: 0, to: length, by: tile) {
      let rows = min(tile, length - start)
      let seen = start + rows
      let size = heads.count * rows * padded
      let scores = unsafe hand.scratch(2 * size)
      unsafe hand.engine.multiply(
        ProductSize(count: heads.count, m: rows, n: seen, k: head.values),
        at.mixed(mixed, from: start), at.values(isTransposed: true),
        into: Operand(scores, stride: padded, step: rows * padded), ProductForm(isHalf: isHalf))
      if config.attentionCap != nil {
        unsafe hand.engine.multiply(
          ProductSize(count: heads.count, m: rows, n: seen, k: head.keys),
          at.queries(from: start), at.keys(isTransposed: true),
          into: Operand(scores + size, stride: padded, step: rows * padded),
          ProductForm(isHalf: isHalf))
      }
      for index in 0..<heads.count {
        let own = unsafe scores + index * rows * padded
        let into = unsafe scoreGradient.place(index * length + start)
        unsafe Processor.softmaxGradient(
          rows, seen, scale: config.attentionScale, rule, own,
          kept: at.kept.place(at.firstKept + index * length + start), into: into, stride: padded,
          isHalf: isHalf)
        if let cap = config.attentionCap {
          unsafe Processor.capGradient(
            rows, seen, scale: config.attentionScale, cap: cap, own + size, into: into,
            stride: padded, isHalf: isHalf)
        }
      }
      hand.engine.multiply(
        ProductSize(count: heads.count, m: rows, n: head.keys, k: seen),
        scoreGradient.operand(from: start, step: step), at.keys(isTransposed: false),
        into: at.queryGradient(all, from: start), form)
    }
    let sumForm = ProductForm(isHalf: isHalf, adds: adds)
    // Keys and values gather from the queries that saw them.
    for start in stride(from: 0, to: length, by: tile) {
      let rows = min(tile, length - start)
      unsafe hand.engine.multiply(
        ProductSize(count: heads.count, m: rows, n: head.keys, k: length - start),
        scoreGradient.operand(from: start, column: start, step: step, isTransposed: true),
        at.queries(from: start),
        into: isShared
          ? Operand(keySum.memory.floats + start * head.keys, stride: head.keys)
          : at.keyGradient(all, from: start), isShared ? sumForm : form)
      unsafe hand.engine.multiply(
        ProductSize(count: heads.count, m: rows, n: head.values, k: length - start),
        at.probabilities(from: start, column: start, isTransposed: true),
        at.mixed(mixed, from: start),
        into: isShared
          ? Operand(valueSum.memory.floats + start * head.values, stride: head.values)
          : at.valueGradient(all, from: start), isShared ? sumForm : form)
    }
  }
}
