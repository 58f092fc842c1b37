public import Tensors

/// Reads the names of a file's tensors in whichever dialect, also where no settings tell the
/// family.
public struct TensorNames: Sendable {
  private let family: FamilyNames

  /// The names of the family that `type` is, or of the one that has most of these layers, the
  /// first of several in `ModelCatalog`.
  public init(type: String?, layers: some Sequence<String>) {
    if let type, let place = ModelCatalog.all.firstIndex(where: { $0.types.contains(type) }) {
      family = FamilyNames.all[place]
      return
    }
    let layers = Set(layers.lazy.map { Self.withoutNumber($0).layer }.prefix(Self.layerLimit))
    var best = (family: FamilyNames.all[0], count: 0)
    for family in FamilyNames.all {
      let count = layers.count { family.role(ofLayer: $0) != nil }
      if count > best.count { best = (family, count) }
    }
    family = best.family
  }

  public init(_ parameters: Parameters, type: String?) {
    self.init(
      type: type, layers: parameters.lazy.filter { $0.place.block != nil }.map(\.place.layer))
  }

  /// More names than the blocks of any family have.
  private static let layerLimit = 1 << 10

  /// Which tensor of a model it is, and in whose words; nil where no family calls one so.
  public func meaning(of parameter: Parameter) -> (id: TensorID, dialect: Dialect)? {
    let (name, isBias) = Self.withoutSuffix(
      parameter.place.block == nil ? parameter.name : parameter.place.layer)
    if let block = parameter.place.block {
      let (layer, expert) = Self.withoutNumber(name)
      let isLlamaCpp = parameter.name.hasPrefix("blk.")
      let found = [family, .any, .elsewhere].lazy.compactMap {
        $0.role(ofLayer: layer, isLlamaCpp: isLlamaCpp)
      }.first
      guard let (role, dialect) = found else { return nil }
      let isOfBias = isBias || parameter.place.role == .bias
      return (TensorID(role, block: block, expert: expert, isBias: isOfBias), dialect)
    }
    let last = name.split(separator: ".").last.map(String.init) ?? name
    let found = [family, .any, .elsewhere].lazy.compactMap { $0.role(ofOutside: last) }.first
    return found.map { (TensorID($0.role, isBias: isBias), $0.dialect) }
  }

  private static func withoutSuffix(_ name: String) -> (name: String, isBias: Bool) {
    for (suffix, isBias) in [(".weight", false), (".bias", true)] where name.hasSuffix(suffix) {
      return (String(name.dropLast(suffix.utf8.count)), isBias)
    }
    return (name, false)
  }

  /// `mlp.experts.#.up_proj` and 3 of `mlp.experts.3.up_proj`.
  private static func withoutNumber(_ layer: String) -> (layer: String, expert: Int?) {
    let place = Place(block: nil, layer: layer, role: .other)
    guard let expert = place.expert else { return (layer, nil) }
    return (place.kind.replacing("*", with: "#"), expert)
  }
}

// MARK: - The order of use

extension TensorNames {
  /// The layers of a block in the order in which it uses them, experts one after the other;
  /// unknown ones behind them, by `firstMet`.
  public static func inOrderOfUse(_ layers: [String], firstMet: [String: Int]) -> [String] {
    let names = TensorNames(type: nil, layers: layers)
    return layers.map { (names.key($0, firstMet: firstMet[$0] ?? 0), $0) }
      .sorted { $0.0 < $1.0 }.map(\.1)
  }

  private typealias SortKey = (Int, Int, Int, Int)

  private func key(_ layer: String, firstMet: Int) -> SortKey {
    var components = layer.split(separator: ".", omittingEmptySubsequences: false)
    guard let position = components.firstIndex(where: Self.isNumber) else {
      return (rank(of: layer), 0, 0, firstMet)
    }
    // An expert, or one of several layers that have no names.
    let number = Int(components[position]) ?? 0
    components[position] = "#"
    let rank = rank(of: components.joined(separator: "."))
    return (Self.ranks[.router] ?? 0, number + 1, rank, firstMet)
  }

  private static func isNumber(_ component: Substring) -> Bool {
    let digits = component.utf8
    return !digits.isEmpty && digits.count <= 9
      && digits.allSatisfy { ($0 &- UInt8(ascii: "0")) < 10 }
  }

  /// Of a layer, or of all experts' as one.
  private func rank(of layer: String) -> Int {
    let exact = [layer, layer + ".#"].lazy.compactMap { layer in
      [family, .any, .elsewhere].lazy.compactMap { $0.role(ofLayer: layer) }.first
    }.first
    let ending = layer.hasSuffix(".#") ? String(layer.dropLast(2)) : layer
    let role = exact ?? FamilyNames.elsewhere.role(ofEnding: ending)
    return role.flatMap { Self.ranks[$0] } ?? Self.ranks.count
  }

  private static let ranks = Dictionary(
    uniqueKeysWithValues: TensorRole.allCases.enumerated().map { ($1, $0) })
}

/// The roles that names have in one family.
private struct FamilyNames: Sendable {
  private var layers: [Dialect: [String: TensorRole]] = [:]
  private var outside: [Dialect: [String: TensorRole]] = [:]

  /// As `ModelCatalog.all`.
  static let all = ModelCatalog.all.map { family in
    FamilyNames(Dictionary(uniqueKeysWithValues: Dialect.allCases.map { ($0, family.names($0)) }))
  }
  /// Of all families together; where they differ, the first says.
  static let any = all.reduce(FamilyNames([:])) { $0.adding($1) }
  static let elsewhere = FamilyNames([.huggingFace: .elsewhere])

  private init(_ tables: [Dialect: NameTable]) {
    for (dialect, table) in tables {
      layers[dialect] = Self.roles(table.layers)
      outside[dialect] = Self.roles(table.outside)
    }
  }

  private static func roles(_ names: [TensorRole: [String]]) -> [String: TensorRole] {
    let pairs = TensorRole.allCases.flatMap { role in (names[role] ?? []).map { ($0, role) } }
    return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
  }

  private func adding(_ other: FamilyNames) -> FamilyNames {
    var sum = self
    sum.layers.merge(other.layers) { $0.merging($1) { first, _ in first } }
    sum.outside.merge(other.outside) { $0.merging($1) { first, _ in first } }
    return sum
  }

  func role(ofLayer name: String) -> TensorRole? {
    Dialect.allCases.lazy.compactMap { layers[$0]?[name] }.first
  }

  func role(ofLayer name: String, isLlamaCpp: Bool) -> (role: TensorRole, dialect: Dialect)? {
    for dialect in Dialect.allCases where (dialect == .llamaCpp) == isLlamaCpp {
      if let role = layers[dialect]?[name] { return (role, dialect) }
    }
    return nil
  }

  func role(ofOutside name: String) -> (role: TensorRole, dialect: Dialect)? {
    for dialect in Dialect.allCases {
      if let role = outside[dialect]?[name] { return (role, dialect) }
    }
    return nil
  }

  /// The longest ending of so many components that has a role decides.
  func role(ofEnding name: String) -> TensorRole? {
    let components = name.split(separator: ".", omittingEmptySubsequences: false)
    for length in [3, 2, 1] where components.count >= length {
      if let role = role(ofLayer: components.suffix(length).joined(separator: ".")) { return role }
    }
    return nil
  }
}
