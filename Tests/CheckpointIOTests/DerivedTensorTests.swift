import CheckpointIO
internal import Foundation
import Tensors
import TestSupport
import Testing

/// Tensors that several arrays of a file make: one matrix for whoever works with them.
@Suite struct DerivedTensorTests {
  private static let layer = "h.0.fc"
  private static let weight = layer + ".weight"

  private func open(_ arrays: [(String, [Int], [Float])]) throws -> Checkpoint {
    var folder = QuantizedFolder(nil)
    for (name, shape, values) in arrays { folder.add(name, shape, values) }
    return try Checkpoint.open(bytes: folder.bytes, name: "derived")
  }

  private func open(_ name: String = "m", _ make: (inout PickleBytes) -> [UInt8]) throws
    -> Checkpoint
  {
    var pickle = PickleBytes()
    let object = make(&pickle)
    return try Checkpoint.open(bytes: pickle.file([(name, object)]), name: "derived")
  }

  // MARK: Masks

  /// As `torch.nn.utils.prune` leaves them.
  private func masked() throws -> Checkpoint {
    try open([
      (Self.layer + ".bias", [2], [7, 8]),
      (Self.weight + "_mask", [2, 3], [1, 0, 1, 0, 0, 1]),
      (Self.weight + "_orig", [2, 3], [1, 2, 3, -4, 5, 6]),
    ])
  }

  @Test func aMaskAndItsWeightsAreOneMatrix() throws {
    let checkpoint = try masked()
    #expect(checkpoint.parameters.map(\.name) == [Self.layer + ".bias", Self.weight])
    let parameter = try #require(checkpoint.parameters[Self.weight])
    #expect(parameter.place.role == .linear && parameter.place.block == 0)
    let weights = try parameter.loaded()
    #expect(weights.values.array == [1, 0, 3, -0.0, 0, 6])
    // A pruned negative weight is −0, as in PyTorch.
    #expect(weights.values.array[3].sign == .minus)
    #expect(weights.mask == Mask(shape: [2, 3], words: [0b100101]))
    #expect(checkpoint.tensors.map(\.encoding) == ["dense", "dense", "torch.prune"])
    #expect(checkpoint.tensors[2].byteCount == 48)
    #expect(checkpoint.tensors[1].place.role == .buffer)
  }

  @Test(arguments: [SaveForm.dense(nil), .packed]) func savedFilesHoldTheMatrix(
    form: SaveForm
  ) throws {
    let source = try masked()
    let folder = TemporaryFolder()
    let plan = try SavePlan.make(parameters: source.parameters, of: source, form: form)
    #expect(
      plan.losses.map(\.description)
        == (form == .packed ? [] : ["1 tensor of torch.prune written as values of F32"]))
    try plan.write(to: folder.file("a.safetensors"))
    let saved = try Checkpoint.open(folder.file("a.safetensors"))
    #expect(saved.parameters.map(\.name) == source.parameters.map(\.name))
    #expect(try saved.parameters[1].tensor().array == [1, 0, 3, 0, 0, 6])
  }

  /// GPT-2's Conv1D keeps weights `[in, out]`, with or without a mask.
  @Test func masksAreTransposedWithTheirWeights() throws {
    let values = (0..<12).map { Float($0 + 1) }
    let mask = (0..<12).map { Float($0 % 3 == 0 ? 0 : 1) }
    let checkpoint = try open([
      ("h.0.mlp.c_fc.weight_orig", [2, 6], values), ("h.0.mlp.c_fc.weight_mask", [2, 6], mask),
    ])
    let parameter = checkpoint.parameters[0]
    #expect(parameter.isTransposed && parameter.shape == [6, 2])
    let weights = try parameter.loaded()
    #expect(weights.values.array == [0, 0, 2, 8, 3, 9, 0, 0, 5, 11, 6, 12])
    #expect(weights.mask == Mask(nonzerosOf: weights.values))
  }

  /// Names alone promise nothing.
  @Test func whatDoesNotFitTogetherStaysAsItIs() throws {
    let cases: [[(String, [Int], [Float])]] = [
      [("a.weight_orig", [1, 2], [1, 2])],
      [("a.weight_orig", [1, 2], [1, 2]), ("a.weight_mask", [2, 1], [1, 0])],
      [("a.weight_v", [1, 2], [1, 2]), ("a.weight_g", [2], [1, 2])],
      [
        ("a.weight", [1], [3]), ("a.weight_orig", [1, 2], [1, 2]),
        ("a.weight_mask", [1, 2], [1, 0]),
      ],
    ]
    for arrays in cases {
      let checkpoint = try open(arrays)
      #expect(Set(checkpoint.parameters.map(\.name)) == Set(arrays.map { $0.0 }))
      #expect(checkpoint.tensors.allSatisfy { $0.encoding == "dense" })
    }
  }

  /// A tied matrix with one mask has two names; with masks of its own it is another matrix.
  @Test(arguments: [true, false]) func tiedMatricesStayTied(isMaskShared: Bool) throws {
    var pickle = PickleBytes()
    let weights = pickle.tensor([2, 3], [1, 2, 3, 4, 5, 6])
    let mask = pickle.tensor([2, 3], [1, 0, 1, 0, 0, 1])
    let other = isMaskShared ? mask : pickle.tensor([2, 3], [0, 1, 1, 0, 0, 1])
    let members = [
      ("wte.weight_orig", weights), ("wte.weight_mask", mask), ("lm_head.weight_orig", weights),
      ("lm_head.weight_mask", other),
    ]
    let checkpoint = try Checkpoint.open(bytes: pickle.file(members), name: "tied")
    let head = try #require(checkpoint.tensors.first { $0.name == "lm_head.weight" })
    #expect(head.sharesStorageOf == (isMaskShared ? "wte.weight" : nil))
    if !isMaskShared {
      #expect(try checkpoint.parameters["lm_head.weight"]?.tensor().array == [0, 2, 3, 0, 0, 6])
    }
  }

  // MARK: Norms

  static let lengths: [([Int], [Float], [Float])] = [
    ([2, 1], [10, 1], [6, 8, 0, 1]), ([1, 2], [3, 10], [3, 6.24695, 0, 7.80869]),
    ([], [50], [21.2132, 28.28427, 0, 35.35534]),
  ]

  @Test(arguments: lengths, [false, true]) func weightsOfNormsAreOneMatrix(
    length: ([Int], [Float], [Float]), isNew: Bool
  ) throws {
    let names =
      isNew
      ? ["parametrizations.weight.original0", "parametrizations.weight.original1"]
      : ["weight_g", "weight_v"]
    let checkpoint = try open([
      ("\(Self.layer).\(names[0])", length.0, length.1),
      ("\(Self.layer).\(names[1])", [2, 2], [3, 4, 0, 5]),
    ])
    #expect(checkpoint.parameters.map(\.name) == [Self.weight])
    let values = try checkpoint.parameters[0].tensor().array
    #expect(zip(values, length.2).allSatisfy { abs($0 - $1) < 1e-4 }, "\(values)")
    #expect(checkpoint.tensors.contains { $0.encoding == "weight_norm" })
  }

  @Test(arguments: [false, true]) func spectralNormsAreOneMatrix(isNew: Bool) throws {
    let names =
      isNew
      ? [
        "parametrizations.weight.original", "parametrizations.weight.0._u",
        "parametrizations.weight.0._v",
      ] : ["weight_orig", "weight_u", "weight_v"]
    let checkpoint = try open([
      ("\(Self.layer).\(names[0])", [2, 3], [3, 0, 0, 0, 4, 8]),
      ("\(Self.layer).\(names[1])", [2], [0, 1]), ("\(Self.layer).\(names[2])", [3], [0, 1, 0]),
    ])
    #expect(checkpoint.parameters.map(\.name) == [Self.weight])
    #expect(try checkpoint.parameters[0].tensor().array == [0.75, 0, 0, 0, 1, 2])
  }

  // MARK: Sparse tensors

  @Test func pairsOfIndicesAddUp() throws {
    let checkpoint = try open(Self.weight) { pickle in
      let indices = pickle.tensor([2, 3], integers: [0, 1, 1, 1, 2, 2])
      return PickleBytes.sparse(
        "coo", [indices, pickle.tensor([3], [5, 7, -3])], shape: [2, 3])
    }
    #expect(try checkpoint.parameters[Self.weight]?.tensor().array == [0, 5, 0, 0, 0, 4])
    #expect(checkpoint.tensors[0].encoding == "torch.sparse_coo")
    #expect(checkpoint.tensors[0].shape == [2, 3])
  }

  /// Only the first axis is sparse.
  @Test func hybridTensorsAreRead() throws {
    let checkpoint = try open { pickle in
      let indices = pickle.tensor([1, 2], integers: [2, 0])
      return PickleBytes.sparse(
        "coo", [indices, pickle.tensor([2, 2], [1, 2, 3, 4])], shape: [3, 2])
    }
    #expect(try checkpoint.parameters["m"]?.tensor().array == [3, 4, 0, 0, 1, 2])
  }

  static let compressed: [(String, [Int], [Int], [Int], [Float])] = [
    ("csr", [0, 1, 3], [1, 0, 2], [3], [5, 6, 7]),
    ("csc", [0, 1, 2, 3], [1, 0, 1], [3], [6, 5, 7]),
    ("bsr", [0, 1, 2], [1, 0], [2, 1, 3], [0, 5, 0, 6, 0, 7]),
    ("bsc", [0, 1, 2, 3], [0, 0, 0], [3, 2, 1], [0, 6, 5, 0, 0, 7]),
  ]

  @Test(arguments: compressed) func compressedRowsAndColumnsAreRead(
    layout: String, starts: [Int], indices: [Int], shape: [Int], values: [Float]
  ) throws {
    let checkpoint = try open { pickle in
      PickleBytes.sparse(
        layout,
        [
          pickle.tensor([starts.count], integers: starts),
          pickle.tensor([indices.count], integers: indices), pickle.tensor(shape, values),
        ], shape: layout == "bsr" ? [2, 6] : [2, 3])
    }
    let wanted: [Float] =
      layout == "bsr" ? [0, 0, 0, 0, 5, 0, 6, 0, 7, 0, 0, 0] : [0, 5, 0, 6, 0, 7]
    #expect(try checkpoint.parameters["m"]?.tensor().array == wanted)
    #expect(checkpoint.tensors[0].encoding == "torch.sparse_\(layout)")
  }

  /// Indices and starts that lead out of the tensor, or back.
  static let damages: [(String, [Int], [Int])] = [
    ("csr", [0, 1, 3], [1, 0, 3]), ("csr", [0, 1, 3], [1, -1, 2]), ("csr", [0, 4, 3], [1, 0, 2]),
    ("csr", [-1, 1, 3], [1, 0, 2]), ("csc", [0, 1, 2, 3], [1, 2, 1]),
  ]

  @Test(arguments: damages) func damagedIndicesAreRefused(
    layout: String, starts: [Int], indices: [Int]
  ) throws {
    let checkpoint = try open { pickle in
      PickleBytes.sparse(
        layout,
        [
          pickle.tensor([starts.count], integers: starts),
          pickle.tensor([indices.count], integers: indices), pickle.tensor([3], [1, 2, 3]),
        ], shape: [2, 3])
    }
    let error = try #require(throws: CheckpointError.self) {
      try checkpoint.parameters[0].tensor()
    }
    #expect(error.description.hasPrefix("tensor 'm', which several arrays make, is damaged: its"))
  }

  @Test func shapesThatDoNotFitAreRefused() throws {
    for shape in [[4, 3, 1], [3], [2, 3, 4]] {
      #expect(throws: CheckpointError.self) {
        try open { pickle in
          let starts = pickle.tensor([3], integers: [0, 1, 3])
          let indices = pickle.tensor([3], integers: [1, 0, 2])
          return PickleBytes.sparse(
            "csr", [starts, indices, pickle.tensor([3], [1, 2, 3])], shape: shape)
        }
      }
    }
    let error = #expect(throws: CheckpointError.self) {
      try open { pickle in
        let indices = pickle.tensor([2, 1], integers: [0, 0])
        return PickleBytes.sparse(
          "coo", [indices, pickle.tensor([1], [1])], shape: [1 << 20, 1 << 20])
      }
    }
    #expect(error?.description.contains("than its values warrant") == true)
  }

  // MARK: Codes

  @Test func codesOfPyTorchAreWeights() throws {
    let one = try open { $0.codes([2, 2], [-128, 0, 3, 127], scale: 0.5, zero: 3) }
    #expect(try one.parameters["m"]?.tensor().array == [-65.5, -1.5, 0, 62])
    #expect(one.tensors[0].encoding == "torch.qint")
    for (axis, wanted) in [(0, [-1, 1, 8, 12] as [Float]), (1, [-1, 8, 1, 12])] {
      let several = try open {
        $0.codes([2, 2], [-1, 1, 1, 2], scales: [1, 4], zeros: [0, -1], axis: axis)
      }
      #expect(try several.parameters["m"]?.tensor().array == wanted)
    }
    let outside = #expect(throws: CheckpointError.self) {
      try open { $0.codes([2, 2], [1, 1, 1, 2], scales: [1, 4], zeros: [0, 0], axis: 2) }
    }
    #expect(outside?.description.contains("the shapes of its parts do not fit together") == true)
  }

  /// `torch.ao.nn.quantized.dynamic.Linear` keeps its weight and bias as a pair.
  @Test func packedLayersHaveTheirNames() throws {
    let checkpoint = try open("h.0.mlp.c_fc._packed_params._packed_params") { pickle in
      PickleBytes.tuple([
        pickle.codes([2, 2], [1, 2, 3, 4], scale: 2, zero: 0), pickle.tensor([2], [5, 6]),
      ])
    }
    #expect(checkpoint.parameters.map(\.name) == ["h.0.mlp.c_fc.weight", "h.0.mlp.c_fc.bias"])
    #expect(try checkpoint.parameters[0].tensor().array == [2, 4, 6, 8])
    #expect(checkpoint.parameters[0].place.role == .linear)
  }
}

/// Against values that PyTorch gave.
@Suite(.enabled(if: SharedData.isPresent)) struct SharedDerivedTensorTests {
  static let files = [
    ("torch-prune-masks", "pruned", ""), ("torch-sparse", "sparse", ""),
    ("torch-dynamic-qint8", "tensor", "tensor:"), ("torch-dynamic-qint8", "channel", "channel:"),
  ]

  @Test(arguments: files) func valuesAreThoseOfPyTorch(
    folder: String, file: String, prefix: String
  ) throws {
    guard SharedData.exists("layouts/\(folder)") else { return }
    let text = try Data(
      contentsOf: URL(filePath: SharedData.path("layouts/\(folder)/expected.json")))
    let root = try #require(JSONSerialization.jsonObject(with: text) as? [String: Any])
    let tensors = try #require(root["tensors"] as? [String: [String: Any]])
    let checkpoint = try Checkpoint.open(SharedData.path("layouts/\(folder)/\(file).pt"))
    var count = 0
    for (name, facts) in tensors where name.hasPrefix(prefix) {
      let parameter = try #require(
        checkpoint.parameters[String(name.dropFirst(prefix.count))], "\(name)")
      let logical = try parameter.tensor()
      let tensor = parameter.isTransposed ? logical.transposed() : logical
      #expect(facts["shape"] as? [Int] == tensor.shape.dimensions, "\(name)")
      let bytes = tensor.array.flatMap { ZipBytes.little($0.bitPattern, 4) }
      #expect(facts["sha256_f32_le"] as? String == SHA256.digest(bytes), "\(name)")
      count += 1
    }
    #expect(count > 0)
  }

  @Test func aMaskedNetworkIsTheDenseOne() throws {
    guard SharedData.exists("cases/08-torch-prune-mask") else { return }
    let folder = SharedData.path("cases/08-torch-prune-mask")
    let masked = try Checkpoint.open("\(folder)/masked.pt").parameters
    let dense = try Checkpoint.open("\(folder)/dense.pt").parameters
    #expect(Set(masked.map(\.name)) == Set(dense.map(\.name)))
    for parameter in dense {
      #expect(try masked[parameter.name]?.tensor().array == parameter.tensor().array)
    }
  }
}
