internal import Tensors

/// Tells the tensors that a training run keeps beside the weights by their names, in files
/// of every format: `optimizer.state.0.exp_avg`, `model_ema.…` beside `model.…`.
enum TrainingState {
  /// What optimizers keep for each weight, as PyTorch's and others call it.
  private static let slots: Set<String> = [
    "exp_avg", "exp_avg_sq", "max_exp_avg_sq", "exp_avg_sq_row", "exp_avg_sq_col", "exp_inf",
    "exp_avg_diff", "previous_grad", "momentum_buffer", "square_avg", "grad_avg", "acc_delta",
    "prev_grad", "fp32_flat_groups", "single_partition_of_fp32_groups", "fp32_from_fp16_params",
    "fp32_groups_flat",
  ]
  /// Last bytes of the slots: most names are told by one byte.
  private static let slotEnds = Set(slots.compactMap { $0.utf8.last })
  /// Slots that other things are called too: only beside one of the above.
  private static let companions: Set<String> = ["step", "lr", "state1", "state2"]
  private static let optimizerWords: Set<Substring> = ["optimizer", "optimizers", "optim"]
  private static let averageWords: Set<Substring> = [
    "ema", "average", "averaged", "shadow", "swa", "polyak",
  ]

  /// Whether an optimizer calls something so that it keeps for each weight.
  static func isSlot(_ name: String) -> Bool {
    guard let last = name.utf8.last, slotEnds.contains(last) else { return false }
    return slots.contains(name)
  }

  /// Whether something is called an average of weights, `net_ema`.
  static func isAverage(_ name: String) -> Bool {
    words(name).contains { averageWords.contains($0) }
  }

  /// `optimizer`, `optim_G`, `d_optimizer`.
  private static func isOptimizer(_ head: String) -> Bool {
    words(head).contains { optimizerWords.contains($0) }
  }

  private static func words(_ name: String) -> [Substring] {
    name.lowercased().split { !$0.isLetter }
  }

  /// Marks the tensors that are not weights. O(n): one tensor is tested for each kind.
  static func mark(in index: inout CheckpointIndex, _ names: LayerNames) {
    markOptimizers(in: &index, names)
    markAverages(in: &index, names)
  }

  private static func markOptimizers(in index: inout CheckpointIndex, _ names: LayerNames) {
    let slotKinds = names.kinds.map { isSlot(last($0.rest)) }
    let stacks = names.stacks.map { isOptimizer(head($0.name) ?? $0.name) }
    var owners: Set<Substring> = []
    for (position, entry) in names.entries.enumerated() {
      let name = index.tensors[position].name
      let isSlot = entry.kind >= 0 ? slotKinds[Int(entry.kind)] : isSlot(last(name))
      let isOptimizer =
        entry.kind >= 0
        ? stacks[Int(entry.stack)] : head(name).map { Self.isOptimizer($0) } ?? false
      guard isSlot || isOptimizer else { continue }
      index.tensors[position].isOptimizer = true
      if isSlot, let owner = owner(name) { owners.insert(owner) }
    }
    guard !owners.isEmpty else { return }
    for position in index.tensors.indices where !index.tensors[position].isOptimizer {
      let name = index.tensors[position].name
      guard companions.contains(last(name)), let owner = owner(name), owners.contains(owner)
      else { continue }
      index.tensors[position].isOptimizer = true
    }
  }

  /// Tensors under a name of averages, `model_ema.`, are training state where the file has
  /// tensors of the same names and shapes without it.
  private static func markAverages(in index: inout CheckpointIndex, _ names: LayerNames) {
    let stacks = names.stacks.map { isAverage(head($0.name) ?? $0.name) }
    var groups: [String: [Int]] = [:]
    for (position, entry) in names.entries.enumerated()
    where entry.kind < 0 || stacks[Int(entry.stack)] {
      guard !index.tensors[position].isOptimizer, let head = head(index.tensors[position].name),
        entry.kind >= 0 || isAverage(head)
      else { continue }
      groups[head, default: []].append(position)
    }
    guard !groups.isEmpty else { return }
    let members = Set(groups.values.joined())
    var others: Set<Key> = []
    for (position, tensor) in index.tensors.enumerated()
    where !members.contains(position) && !tensor.isOptimizer {
      others.insert(Key(tensor.name[...], tensor.shape))
      others.insert(Key(withoutHead(tensor.name), tensor.shape))
    }
    for (head, positions) in groups.sorted(by: { $0.key < $1.key }) {
      let matrices = positions.filter { index.tensors[$0].shape.dimensions.count >= 2 }
      let areAverages =
        !matrices.isEmpty
        && matrices.allSatisfy { position in
          let tensor = index.tensors[position]
          return others.contains(Key(withoutHead(tensor.name), tensor.shape))
        }
      guard areAverages else { continue }
      for position in positions { index.tensors[position].isOptimizer = true }
      index.warn(
        "the tensors of \(head.quoted) are averages of the weights, and listed as training state")
    }
  }

  // MARK: Parts of names

  private static let dot = UInt8(ascii: ".")

  /// What stands before the first dot; nil without one.
  private static func head(_ name: String) -> String? {
    name.utf8.firstIndex(of: dot).map { String(name[..<$0]) }
  }

  /// What follows the first dot, if there is one.
  private static func withoutHead(_ name: String) -> Substring {
    name.utf8.firstIndex(of: dot).map { name[name.utf8.index(after: $0)...] } ?? name[...]
  }

  /// What follows the last dot, if there is one.
  private static func last(_ name: String) -> String {
    guard let end = name.utf8.last, slotEnds.contains(end) || companionEnds.contains(end),
      let index = name.utf8.lastIndex(of: dot)
    else { return name }
    return String(name[name.utf8.index(after: index)...])
  }

  private static let companionEnds = Set(companions.compactMap { $0.utf8.last })

  /// What stands before the last dot; nil without one.
  private static func owner(_ name: String) -> Substring? {
    name.utf8.lastIndex(of: dot).map { name[..<$0] }
  }

  /// Stable Diffusion's averages have names without dots.
  private struct Key: Hashable {
    let name: [UInt8]
    let shape: Shape

    init(_ name: Substring, _ shape: Shape) {
      self.name = name.utf8.filter { $0 != dot }
      self.shape = shape
    }
  }
}
