package import Backend
package import Models
internal import Tensors

/// An operation of a block, and the memory it works in.
package struct PlannedStep {
  package let block: Int
  package let operation: Operation
  /// What it reads, and what it writes.
  package let from: Values
  package let into: Values
  /// Up beside the gate; the residual stream that a branch is added to.
  package let also: Values?
  /// The layer whose outputs are added to the residual stream; nil where none are.
  package let branch: TensorRole?
}

/// Which values a pass rounds to bf16. Sums and the residual stream are always f32.
package enum Rounding {
  case none
  /// What layer norms, and GELU where it is part of a product, give to products.
  case products
  /// All activations.
  case activations
}

/// What a pass does, in order, and where. A pass that only runs writes over what is no longer
/// read; one whose steps are to be followed back keeps what each step has read.
package struct PassPlan {
  package let steps: [PlannedStep]
  /// The residual stream before the first block.
  package let embedded: Values
  /// What the last norm reads, and what it gives.
  package let last: Values
  package let normed: Values

  /// Room for `capacity` tokens.
  init(
    _ config: ModelConfig, capacity: Int, _ rounding: Rounding, keeps: Bool,
    isJoined: (Int) -> Bool
  ) {
    var planner = Planner(config, capacity, rounding, keeps: keeps)
    embedded = planner.write(.residual, width: config.width)
    for block in 0..<config.blocks {
      let list = Operation.list(config, block, isJoined: isJoined(block), isKept: keeps)
      for (index, operation) in list.enumerated() {
        planner.add(operation, block, list[(index + 1)...])
      }
    }
    last = planner.place(.residual)
    normed = planner.writeNorm(.normed)
    steps = planner.steps
  }

  private struct Planner {
    private(set) var steps: [PlannedStep] = []
    private let config: ModelConfig
    private let capacity: Int
    private let rounding: Rounding
    private let keeps: Bool
    private let shapes: [BlockShape]
    /// Where the values of each slot are that were written last.
    private var places: [Slot: Values] = [:]
    /// What all writes to a slot share, where nothing is kept.
    private var shared: [Slot: AlignedBuffer] = [:]
    private var block = -1
    /// The layer that wrote the branch.
    private var branch: TensorRole?

    init(_ config: ModelConfig, _ capacity: Int, _ rounding: Rounding, keeps: Bool) {
      (self.config, self.capacity, self.rounding) = (config, capacity, rounding)
      self.keeps = keeps
      shapes = (0..<config.blocks).map { config.shape(of: $0) }
    }

    func place(_ slot: Slot) -> Values { unsafe places[slot].unsafelyUnwrapped }

    mutating func add(_ operation: Operation, _ block: Int, _ rest: ArraySlice<Operation>) {
      if self.block != block { begin(block) }
      let shape = shapes[block]
      switch operation {
      case .attentionInput(let from):
        put(operation, from: place(from), into: place(.query))
      case .activated(_, let from):
        let source = place(from)
        put(
          operation, from: source,
          into: write(.gate, width: shape.hidden, isHalf: rounding != .none))
      case .adding(let role, let from):
        branch = role
        put(operation, from: place(from), into: place(.residual))
      case .step(.norm(_, let from, let into)):
        let source = place(from)
        put(operation, from: source, into: writeNorm(into))
      case .step(.linear(let role, let from, let into)):
        let source = place(from)
        let target: Values
        switch into {
        case .query, .key, .value: target = attention(into, rest)
        case .branch:
          branch = role
          // What is only added to the residual stream is not needed again.
          let isRead = if case .step(.norm)? = rest.first { true } else { false }
          target = write(.branch, width: config.width, isKept: isRead)
        default:
          target = write(into, width: config.shape(of: role, block: block).rows)
        }
        put(operation, from: source, into: target)
      case .step(.headNorm(_, let slot)):
        let source = place(slot)
        places[slot] = attention(slot)
        put(operation, from: source, into: place(slot))
      case .step(.rope(let slot)): put(operation, from: place(slot), into: place(slot))
      case .step(.attend):
        put(operation, from: place(.query), into: write(.mixed, width: shape.mixedWidth))
      case .step(.activate):
        let (gate, up) = (place(.gate), config.isGated ? place(.up) : nil)
        put(
          operation, from: gate, also: up,
          into: keeps ? write(.gate, width: shape.hidden) : gate)
      case .step(.experts(let from, let into)):
        let source = place(from)
        put(operation, from: source, into: write(into, width: config.width))
      case .step(.add):
        let before = place(.residual)
        put(
          operation, from: place(.branch), also: before,
          into: keeps ? write(.residual, width: config.width) : before)
      }
    }

    private mutating func put(
      _ operation: Operation, from: Values, also: Values? = nil, into: Values
    ) {
      steps.append(
        PlannedStep(
          block: block, operation: operation, from: from, into: into, also: also,
          branch: operation.adds ? branch : nil))
    }

    /// Queries, keys and values of a block stand in one row.
    private mutating func begin(_ block: Int) {
      self.block = block
      attended = write(.query, width: shapes[block].qkvWidth)
      for slot in [Slot.query, .key, .value] { places[slot] = attention(slot) }
    }

    private var attended: Values?

    /// Where attention reads queries, keys or values.
    private func attention(_ slot: Slot) -> Values {
      unsafe attended.unsafelyUnwrapped.columns(from: shapes[block].start(of: slot))
    }

    /// Where a layer writes them: apart where a norm that is to be followed back reads them.
    private mutating func attention(_ slot: Slot, _ rest: ArraySlice<Operation>) -> Values {
      let isNormed = rest.contains {
        if case .step(.headNorm(_, slot)) = $0 { true } else { false }
      }
      let place = attention(slot)
      guard keeps, isNormed else {
        places[slot] = place
        return place
      }
      let shape = shapes[block]
      return write(slot, width: slot == .query ? shape.queryWidth : shape.keyWidth)
    }

    /// Where a slot is written next; `isKept` says whether that is read when steps are followed
    /// back.
    mutating func write(
      _ slot: Slot, width: Int, isHalf: Bool? = nil, isKept: Bool = true
    ) -> Values {
      let isFull = slot == .residual || slot == .branch
      let half = isHalf ?? (rounding == .activations && !isFull)
      let values: Values
      if keeps, isKept {
        values = Values(rows: capacity, width: width, isHalf: half)
      } else {
        let room = shared[slot] ?? AlignedBuffer(capacity * widest(slot))
        shared[slot] = room
        values = Values(room, stride: width, isHalf: half)
      }
      places[slot] = values
      return values
    }

    /// Where a norm writes: what it makes of a branch is only added to the residual stream.
    mutating func writeNorm(_ slot: Slot) -> Values {
      let isRounded = rounding == .activations || rounding == .products && config.normKind == .layer
      return write(
        slot, width: config.width, isHalf: isRounded && slot != .branch, isKept: slot != .branch)
    }

    private func widest(_ slot: Slot) -> Int {
      func widest(_ width: (BlockShape) -> Int) -> Int { shapes.reduce(0) { max($0, width($1)) } }
      return switch slot {
      case .residual, .normed, .mlpInput, .branch: config.width
      case .query, .key, .value: widest(\.qkvWidth)
      case .mixed: widest(\.mixedWidth)
      case .gate, .up: widest(\.hidden)
      }
    }
  }
}
