import CheckpointIO
import Models
import Tensors
import TestSupport
import Testing

/// What files call a model's tensors, in every dialect.
@Suite struct NameTests {
  private static let joined: [TensorRole: TensorRole] = [
    .query: .queryKeyValue, .key: .queryKeyValue, .value: .queryKeyValue, .gate: .gateUp,
    .up: .gateUp,
  ]
  private static let stacks: [Dialect: String] = [
    .huggingFace: "model.layers.", .llamaCpp: "blk.", .meta: "layers.",
  ]

  /// The tiny model of a family, and the family.
  private func model(
    _ name: String
  ) throws -> (Checkpoint, Model, any Architecture.Type, String) {
    let checkpoint = try Checkpoint.open(ModelTests.root + "/" + name)
    let type = try #require(checkpoint.configuration["model_type"])
    let model = try #require(
      try Model(checkpoint.parameters, configuration: checkpoint.configuration))
    return (checkpoint, model, try #require(ModelCatalog.family(of: type)), type)
  }

  private func parameter(_ id: TensorID, _ name: String, _ dialect: Dialect) -> Parameter {
    let suffix = id.isBias ? ".bias" : ".weight"
    let stack = id.block.map { "\(Self.stacks[dialect] ?? "")\($0)." } ?? ""
    return Parameter(
      name: stack + name + suffix, shape: [1], dtype: .f32,
      place: Place(
        block: id.block, layer: id.block == nil ? name + suffix : name,
        role: id.isBias ? .bias : .other),
      load: { Tensor([1], [0]) })
  }

  /// From a tensor to its name and back; those that a file has fused, by the whole's name.
  @Test(arguments: ModelTests.names) func namesSurviveARoundTrip(_ name: String) throws {
    let (_, model, family, type) = try model(name)
    let names = TensorNames(type: type, layers: [])
    for dialect in Dialect.allCases {
      let table = family.names(dialect)
      for id in model.parts.keys {
        var id = id
        if table.name(of: id) == nil, let whole = Self.joined[id.role] { id.role = whole }
        guard let name = table.name(of: id) else {
          // Meta's files are of families without norms of heads and the like.
          #expect(dialect == .meta, "\(id)")
          continue
        }
        let found = try #require(names.meaning(of: parameter(id, name, dialect)))
        #expect(found.id == id, "\(name)")
      }
    }
  }

  /// A name that one family has twice would be read as one of both.
  @Test(arguments: ModelCatalog.all.indices) func noTwoTensorsHaveOneName(_ index: Int) {
    let family = ModelCatalog.all[index]
    for dialect in Dialect.allCases {
      for names in [family.names(dialect).layers, family.names(dialect).outside] {
        let all = names.values.flatMap(\.self)
        #expect(Set(all).count == all.count, "\(family.title)")
      }
    }
  }

  /// A file's names mean what its model takes them for, and settings are not needed for that.
  @Test(arguments: ModelTests.names) func namesTellWhatTheModelReads(_ name: String) throws {
    let (checkpoint, model, _, type) = try model(name)
    for names in [type, nil].map({ TensorNames(checkpoint.parameters, type: $0) }) {
      for (id, part) in model.parts where !(id.role == .head && model.isHeadTied) {
        var id = id
        if part.rows != nil, let whole = Self.joined[id.role] { id.role = whole }
        #expect(names.meaning(of: part.parameter)?.id == id, "\(part.parameter.name)")
      }
    }
  }

  @Test(arguments: [RowLayout.plain, .interleaved, .headwise])
  func ordersOfRowsUndoThemselves(_ layout: RowLayout) throws {
    for (rows, heads) in [(12, 2), (48, 4), (36, 3)] {
      let order = try #require(layout.order(rows: rows, heads: heads))
      #expect(order.sources.sorted() == Array(0..<rows))
      #expect(order.sources.map { order.inverse.sources[$0] } == Array(0..<rows))
      #expect(order.inverse.inverse == order)
      #expect((layout == .plain) == (order.sources == Array(0..<rows)))
    }
    for (rows, heads) in [(0, 1), (7, 2), (6, 0), (-6, 2), (6, -2)] {
      #expect(layout.order(rows: rows, heads: heads) == nil)
    }
  }
}
