/// What stands in `quantization_config` of a Hugging Face folder's `config.json`,
/// or in AutoGPTQ's `quantize_config.json` and AutoAWQ's `quant_config.json`.
struct QuantizationSettings: Sendable, Hashable {
  enum Method: Sendable, Hashable {
    case gptq, awq, bitsandbytes, compressedTensors, fp8
    /// MLX's, with its mode: `affine`, `mxfp4`, `nvfp4` or another.
    case mlx(mode: String)
    /// One whose layout is not read.
    case other(String)
  }

  /// How compressed-tensors quantized some of the layers.
  struct Scheme: Sendable, Hashable {
    let bits: Int
    /// Consecutive inputs that share a scale.
    let groupSize: Int?
    /// Rows and columns of the blocks that share a scale.
    let block: [Int]?
  }

  let method: Method
  let bits: Int?
  /// nil for one group a channel.
  let groupSize: Int?
  /// Whether layers may differ from `bits` and `groupSize`.
  let hasExceptions: Bool
  /// Whether zero points are stored as they are, not less one.
  let hasPlainZeros: Bool
  let schemes: [Scheme]

  /// Names of files that say it by themselves, and whose they are.
  static let files: [(name: String, method: Method)] = [
    ("quantize_config.json", .gptq), ("quant_config.json", .awq),
  ]

  /// From `config.json`; nil where nothing is quantized.
  init?(configuration json: JSON) {
    for key in ["quantization_config", "compression_config"] {
      if let settings = json[key], case .object = settings {
        self.init(settings, otherwise: nil)
        return
      }
    }
    // MLX's own key; affine is all that there was at first.
    guard let settings = json["quantization"], case .object = settings else { return nil }
    self.init(settings, otherwise: .mlx(mode: "affine"))
  }

  /// From one of `files`; nil for JSON that says nothing of the kind.
  init?(file json: JSON, otherwise method: Method) {
    guard json["bits"]?.integer != nil || json["w_bit"]?.integer != nil else { return nil }
    self.init(json, otherwise: method)
  }

  private init(_ json: JSON, otherwise: Method?) {
    let bits = json["bits"]?.integer ?? json["w_bit"]?.integer
    let group = json["group_size"]?.integer ?? json["q_group_size"]?.integer
    let layout = json["checkpoint_format"]?.scalarText ?? json["format"]?.scalarText
    self.bits = bits
    groupSize = group.flatMap { $0 > 0 ? $0 : nil }
    hasPlainZeros = layout == "gptq_v2"
    schemes = Self.schemes(json)
    method = Self.method(json, layout: layout) ?? otherwise ?? .other("an unnamed method")
    hasExceptions = Self.hasExceptions(json, method)
  }

  private static func hasExceptions(_ json: JSON, _ method: Method) -> Bool {
    let isObject = { (json: JSON?) in
      if case .object(let members) = json { !members.isEmpty } else { false }
    }
    if isObject(json["dynamic"]) || isObject(json["extra_config"]) { return true }
    // MLX names such a layer, with an object.
    guard case .mlx = method, case .object(let members) = json else { return false }
    return members.contains { isObject($0.value) }
  }

  private static func method(_ json: JSON, layout: String?) -> Method? {
    let name = json["quant_method"]?.scalarText
    switch name?.lowercased() {
    case "gptq":
      let isOther = json["is_marlin_format"] == .bool(true)
      guard !isOther, ["gptq", "gptq_v2", nil].contains(layout) else {
        return .other("GPTQ in the layout \((layout ?? "marlin").shown)")
      }
      return .gptq
    case "awq":
      let version = json["version"]?.scalarText?.lowercased() ?? "gemm"
      guard version == "gemm", json["zero_point"] != .bool(false) else {
        return .other("AWQ in the layout \(version.shown)")
      }
      return .awq
    case "bitsandbytes": return .bitsandbytes
    case "compressed-tensors", "compressed_tensors": return .compressedTensors
    case "fp8": return .fp8
    case "auto-round", "intel/auto-round":
      let packing = json["packing_format"]?.scalarText ?? "auto_round"
      switch packing {
      case "auto_round:auto_gptq": return .gptq
      case "auto_round:auto_awq": return .awq
      default: return .other("auto-round in the packing \(packing.shown)")
      }
    case let name?: return .other(name.shown)
    case nil:
      let isBitsAndBytes = ["load_in_8bit", "load_in_4bit"].contains { json[$0] == .bool(true) }
      if isBitsAndBytes { return .bitsandbytes }
      if let mode = json["mode"]?.scalarText { return .mlx(mode: mode.shown) }
      return json["config_groups"] == nil ? nil : .compressedTensors
    }
  }

  /// The weights' part of each of compressed-tensors' groups of layers, and the
  /// blocks of fp8.
  private static func schemes(_ json: JSON) -> [Scheme] {
    var schemes: [Scheme] = []
    if case .object(let groups) = json["config_groups"] {
      for group in groups {
        guard let weights = group.value["weights"], let bits = weights["num_bits"]?.integer
        else { continue }
        let size = weights["group_size"]?.integer
        schemes.append(
          Scheme(
            bits: bits, groupSize: size.flatMap { $0 > 0 ? $0 : nil },
            block: block(weights["block_structure"])))
      }
    }
    if let block = block(json["weight_block_size"]) {
      schemes.append(Scheme(bits: 8, groupSize: nil, block: block))
    }
    return schemes
  }

  private static func block(_ json: JSON?) -> [Int]? {
    guard case .array(let elements) = json else { return nil }
    let lengths = elements.compactMap(\.integer)
    return lengths.count == 2 && elements.count == 2 && lengths.allSatisfy { $0 > 0 }
      ? lengths : nil
  }
}
