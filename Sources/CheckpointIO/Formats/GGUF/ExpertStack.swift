internal import Models
internal import Tensors

/// llama.cpp keeps a layer of all of a block's experts as one tensor, `[experts, out, in]`.
/// Here each expert has a matrix of its own:
///
///     LAYER_exps.weight [8, 14336, 4096]  =  LAYER_exps.0.weight [14336, 4096]
///                                            …
///                                            LAYER_exps.7.weight
///
/// The experts lie one after another in the file, so nothing is copied.
enum ExpertStack {
  private static let ending = LayerWords.stackEnding
  private static let suffix = ".weight"
  /// More experts than any block has; a stack of more stays one tensor.
  static let limit = 1 << 12

  /// A tensor's experts; the tensor itself where it is no stack.
  static func unfolded(_ tensor: IndexedTensor) -> [IndexedTensor] {
    let axes = tensor.shape.dimensions
    guard tensor.dtype != nil, axes.count == 3, 1...limit ~= axes[0],
      tensor.name.hasSuffix(ending + suffix), tensor.byteRange.count % axes[0] == 0
    else { return [tensor] }
    let stem = tensor.name.dropLast(suffix.utf8.count)
    let size = tensor.byteRange.count / axes[0]
    return (0..<axes[0]).map { expert in
      var part = tensor
      part.name = "\(stem).\(expert)\(suffix)"
      part.shape = Shape(Array(axes.dropFirst()))
      let start = tensor.byteRange.lowerBound + expert * size
      part.byteRange = start..<start + size
      return part
    }
  }

  /// The name of the stack that an expert's matrix is part of, and which part; nil of
  /// other names.
  static func place(of name: String) -> (stack: String, expert: Int)? {
    guard name.hasSuffix(suffix) else { return nil }
    let stem = name.dropLast(suffix.utf8.count)
    guard let dot = stem.lastIndex(of: "."), stem[..<dot].hasSuffix(ending),
      let expert = TensorName.number(stem[stem.index(after: dot)...]), expert < limit,
      String(expert) == stem[stem.index(after: dot)...]
    else { return nil }
    return (stem[..<dot] + suffix, expert)
  }

  /// The parameters with the experts of each block side by side, by their stacks' names, so that
  /// a model gives one file whichever way its own file has them.
  static func together(_ parameters: [Parameter]) -> [Parameter] {
    var experts: [Int: [(place: (stack: String, expert: Int), parameter: Parameter)]] = [:]
    for parameter in parameters {
      guard let block = parameter.place.block, let place = place(of: parameter.name) else {
        continue
      }
      experts[block, default: []].append((place, parameter))
    }
    if experts.isEmpty { return parameters }
    return parameters.flatMap { parameter -> [Parameter] in
      guard let block = parameter.place.block, place(of: parameter.name) != nil else {
        return [parameter]
      }
      let members = experts.removeValue(forKey: block) ?? []
      return members.sorted { $0.place < $1.place }.map(\.parameter)
    }
  }

  /// The parameters as a GGUF file has them: experts of which none is missing, and that
  /// agree in shape, as one tensor in the place of the first.
  static func folded(_ parameters: [Parameter]) -> [GGUFSource] {
    var members: [String: [Int: Parameter]] = [:]
    for parameter in parameters {
      if let (stack, expert) = place(of: parameter.name) {
        members[stack, default: [:]][expert] = parameter
      }
    }
    let stacks = members.compactMapValues { experts -> [Parameter]? in
      let ordered = (0..<experts.count).compactMap { experts[$0] }
      let isWhole =
        ordered.count == experts.count
        && ordered.allSatisfy {
          $0.shape == ordered[0].shape && $0.shape.dimensions.count == 2
            && $0.dtype == ordered[0].dtype
        }
      return isWhole ? ordered : nil
    }
    var sources: [GGUFSource] = []
    var isWritten: Set<String> = []
    for parameter in parameters {
      guard let (stack, _) = place(of: parameter.name), let experts = stacks[stack] else {
        sources.append(GGUFSource(parameter))
        continue
      }
      if isWritten.insert(stack).inserted {
        sources.append(GGUFSource(name: stack, experts: experts))
      }
    }
    return sources
  }
}

/// A tensor of a GGUF file before it has a type.
struct GGUFSource {
  let name: String
  let shape: Shape
  /// One parameter, or one for each expert of a stack, all of one shape and type.
  let parts: [Parameter]

  init(_ parameter: Parameter) {
    name = parameter.name
    shape = parameter.shape
    parts = [parameter]
  }

  /// Precondition: there are experts.
  init(name: String, experts: [Parameter]) {
    self.name = name
    shape = Shape([experts.count] + experts[0].shape.dimensions)
    parts = experts
  }
}
