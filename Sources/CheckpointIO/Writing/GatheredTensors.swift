internal import Tensors

/// All tensors of a file that is going to be written: the weights as passes left
/// them, and what a checkpoint has beside them.
struct GatheredTensors {
  /// What the file can hold.
  enum Holder {
    case safetensors, pytorch

    /// PyTorch's classic storages have no f8; f16 holds all of its values.
    func widening(_ dtype: DType) -> DType {
      switch (self, dtype) {
      case (.pytorch, .f8e4m3), (.pytorch, .f8e5m2): .f16
      default: dtype
      }
    }

    /// Whether bytes of a type that Pare does not read can be copied.
    func lists(_ dtypeName: String) -> Bool {
      switch self {
      case .safetensors: SafetensorsFormat.isListable(dtypeName)
      case .pytorch: false
      }
    }

    var name: String {
      switch self {
      case .safetensors: "safetensors"
      case .pytorch: "a PyTorch file as Pare writes it"
      }
    }
  }

  private(set) var tensors: [PlannedTensor] = []
  private(set) var omissions: [String] = []
  private(set) var losses: [SaveLoss] = []

  /// Reads the weights that are neither copied nor `known`. Throws as `SavePlan.make`.
  init(
    _ given: Parameters, of checkpoint: Checkpoint?, form: SaveForm, holder: Holder,
    known: [String: PackedFacts] = [:],
    progress: (Double, String) -> Void, shouldStop: @Sendable () -> Bool
  ) throws {
    try checkpoint?.refuseUnreadCodes()
    var stored = Dictionary(
      checkpoint?.stored.lazy.filter { !$0.isOptimizer }.map { ($0.name, $0) } ?? [],
      uniquingKeysWith: { $1 })
    // A packed file, which only Pare reads, has experts one by one and what is shared once.
    var (parameters, stacks) = (given, [String: StackedExperts]())
    var origins: [String: [String]] = [:]
    if form != .packed {
      (parameters, stacks) = StackedExperts.folded(given, checkpoint?.stacks ?? [])
      for stack in stacks.values {
        stored[stack.tensor.name] = stack.tensor
        origins[stack.tensor.name] = stack.members.map(\.name)
      }
      let (heads, names) = TiedHead.stored(apart: checkpoint, given)
      if !heads.isEmpty { parameters = Parameters(Array(parameters) + heads) }
      for (name, other) in names { origins[name] = [other] }
    }
    let blocks = BlockIndex(checkpoint)
    let encodings = Self.encodings(of: checkpoint)
    let total = Double(max(1, parameters.count))
    for parameter in parameters {
      if shouldStop() { throw CheckpointError.stopped }
      progress(Double(tensors.count) / total, parameter.name)
      let original = stored[parameter.name]
      let members = origins[parameter.name] ?? [parameter.name]
      let isUntouched = members.allSatisfy {
        guard let parameter = given[$0] else { return false }
        return checkpoint?.parameters[$0]?.isIdentical(to: parameter) == true
      }
      let encoding = members.lazy.compactMap { encodings[$0] }.first
      let isCoded = members.contains { given[$0]?.grid != nil }
      if let original, Self.isCopied(original, parameter, isUntouched, form, holder) {
        tensors.append(PlannedTensor(raw: original, shape: parameter.shape))
      } else if form == .packed, let entry = blocks.entry(of: parameter) {
        tensors.append(PlannedTensor(parameter, copying: entry))
      } else if form == .packed, let known = known[parameter.name] {
        tensors.append(known.planned)
      } else {
        tensors.append(
          PlannedTensor(
            parameter, try parameter.loaded(shouldStop: shouldStop), form,
            storedAs: isUntouched ? encoding : isCoded ? "codes" : nil,
            widening: holder.widening))
      }
    }
    losses = tensors.flatMap(\.losses)
    if let checkpoint {
      add(othersOf: checkpoint, holder)
      losses += LeftBehind.files(beside: checkpoint.path)
    }
    losses = SaveLoss.grouped(losses)
  }

  /// The layouts of other tools that a file has weights in. Pare's own encodings are known
  /// by a parameter's grid and blocks.
  private static func encodings(of checkpoint: Checkpoint?) -> [String: String] {
    let own = Set(EncodingCatalog.names)
    var encodings: [String: String] = [:]
    for tensor in checkpoint?.tensors ?? [] where !own.contains(tensor.encoding) {
      encodings[tensor.name] = tensor.encoding
    }
    return encodings
  }

  /// Whether a parameter's bytes stay as they are: constants always, weights that
  /// no pass has touched where every tensor keeps its type. No value is read then,
  /// so none of 64 bits is rounded.
  private static func isCopied(
    _ tensor: IndexedTensor, _ parameter: Parameter, _ isUntouched: Bool, _ form: SaveForm,
    _ holder: Holder
  ) -> Bool {
    guard let dtype = tensor.dtype, dtype == parameter.dtype, tensor.blocks == nil,
      holder.widening(dtype) == dtype
    else { return false }
    if !parameter.dtype.isFloatingPoint { return true }
    return isUntouched && form == .dense(nil)
  }

  /// What no parameter stands for.
  private mutating func add(othersOf checkpoint: Checkpoint, _ holder: Holder) {
    var trainingState = 0
    // Arrays of a quantized matrix are read with it, whatever their type.
    let unread = Set(checkpoint.tensors.lazy.filter { $0.dtype == nil }.map(\.name))
    for tensor in checkpoint.stored {
      if tensor.isOptimizer {
        trainingState += 1
      } else if tensor.dtype == nil, unread.contains(tensor.name) {
        if tensor.strides == nil, holder.lists(tensor.dtypeName) {
          tensors.append(PlannedTensor(raw: tensor))
        } else {
          omissions.append(
            "tensor \(tensor.name.quoted): \(holder.name) has no \(tensor.dtypeName)")
          losses.append(SaveLoss(.unwritable, from: tensor.dtypeName))
        }
      }
    }
    if trainingState > 0 {
      let noun = trainingState == 1 ? "tensor" : "tensors"
      omissions.append("\(trainingState) \(noun) of training state")
      losses.append(SaveLoss(.state, count: trainingState))
    }
  }
}
