import CheckpointIO
import Tensors
import TestSupport
import Testing

/// Objects of classes that Pare does not know, beside the weights and in their place: nothing
/// of them is run, and the tensors open.
@Suite struct PickledObjectTests {
  private static let values: [Float] = [1, 2, 3, 4, 5, 6]
  private static let name = "h.0.fc.weight"

  /// What stands beside the weights, and the setting that it holds.
  static let objects: [(String, [UInt8])] = {
    let pair: [(String, [UInt8])] = [("n_head", PickleBytes.integer(4))]
    let tuple = PickleBytes.tuple([ZipBytes.text("/"), ZipBytes.text("tmp")])
    let slots = PickleBytes.tuple([PickleBytes.none, PickleBytes.dictionary(pair)])
    return [
      ("dataclass", PickleBytes.object("__main__", "Config", attributes: pair)),
      ("namespace", PickleBytes.object("argparse", "Namespace", attributes: pair)),
      ("slots", ZipBytes.global("a", "Config") + [0x29, 0x81] + slots + [0x62]),
      ("attributes", PickleBytes.mapping("lightning.utilities", "AttributeDict", pair)),
      ("default", PickleBytes.mapping("collections", "defaultdict", pair)),
      (
        "counter",
        PickleBytes.call("collections", "Counter", [PickleBytes.dictionary(pair)])
      ),
      ("ordered", PickleBytes.call("collections", "OrderedDict", []) + items(pair)),
      ("class", ZipBytes.global("torch.optim.adamw", "AdamW")),
      ("path", ZipBytes.global("pathlib", "PosixPath") + tuple + [0x52]),
      ("new with keywords", ZipBytes.global("a", "B") + [0x29, 0x7D, 0x92]),
      (
        "partial",
        PickleBytes.call("functools", "partial", [ZipBytes.global("builtins", "int")]) + tuple
          + [0x62]
      ),
      ("method", PickleBytes.call("a", "factory", []) + [0x29, 0x52]),
      ("set", [0x8F, 0x28, 0x4B, 1, 0x4B, 2, 0x90]),
      ("frozen set", [0x28, 0x4B, 1, 0x91]),
      ("deque", PickleBytes.call("collections", "deque", []) + [0x28, 0x4B, 1, 0x65]),
      (
        "module",
        PickleBytes.object("torch.nn", "Loss", attributes: [("_parameters", [0x7D])])
      ),
    ]
  }()

  private static func items(_ members: [(String, [UInt8])]) -> [UInt8] {
    [0x28] + members.flatMap { ZipBytes.text($0.0) + $0.1 } + [0x75]
  }

  private func open(_ bytes: [UInt8]) throws -> Checkpoint {
    try Checkpoint.open(bytes: bytes, name: "objects")
  }

  @Test(arguments: objects.map(\.0), [false, true])
  func theTensorsBesideAnObjectOpen(kind: String, isFirst: Bool) throws {
    let object = try #require(Self.objects.first { $0.0 == kind }).1
    var pickle = PickleBytes()
    let weights = (
      "model", PickleBytes.dictionary([(Self.name, pickle.tensor([2, 3], Self.values))])
    )
    let members = isFirst ? [("config", object), weights] : [weights, ("config", object)]
    let checkpoint = try open(pickle.file(members))
    #expect(checkpoint.tensors.map(\.name) == [Self.name] && checkpoint.warnings.isEmpty)
    #expect(try checkpoint.parameters[0].tensor().array == Self.values)
    let hasSettings = [
      "dataclass", "namespace", "slots", "attributes", "default", "counter", "ordered",
    ].contains(kind)
    #expect(checkpoint.configuration["n_head"] == (hasSettings ? "4" : nil))
  }

  /// A dictionary of another class is one, and its tensors are.
  @Test func weightsInADictionaryOfAnotherClassAreRead() throws {
    var pickle = PickleBytes()
    let weights = PickleBytes.mapping(
      "collections", "defaultdict", [(Self.name, pickle.tensor([2, 3], Self.values))])
    #expect(try open(pickle.file([("model", weights)])).parameters.map(\.name) == [Self.name])
  }

  /// What an unknown function would make of tensors is no weight, whatever its arguments.
  @Test func whatAnUnknownFunctionMakesOfTensorsIsNotRead() throws {
    var pickle = PickleBytes()
    let plain = (Self.name, pickle.tensor([2, 3], Self.values))
    let made = (
      "h.0.qkv.weight",
      PickleBytes.call("torchao", "Tensor", [pickle.tensor([2, 3], Self.values)])
    )
    let checkpoint = try open(pickle.file([("model", PickleBytes.dictionary([plain, made]))]))
    #expect(checkpoint.parameters.map(\.name) == [Self.name])
    #expect(
      checkpoint.warnings == [
        "tensor 'h.0.qkv.weight' has the type 'torchao.Tensor', which is listed but not read"
      ])
    let plan = try SavePlan.make(
      parameters: checkpoint.parameters, of: checkpoint, form: .dense(nil))
    #expect(
      plan.omissions == [
        "tensor 'h.0.qkv.weight': safetensors has no torchao.Tensor"
      ])
    #expect(plan.losses.map(\.kind) == [.unwritable])
  }

  /// Attributes of an object are not weights: only its own code knows what they are.
  @Test func tensorsInAttributesAreNotListed() throws {
    var pickle = PickleBytes()
    let object = PickleBytes.object(
      "a", "Logger", attributes: [("history", pickle.tensor([2, 3], Self.values))])
    let weights = PickleBytes.dictionary([(Self.name, pickle.tensor([2, 3], Self.values))])
    let checkpoint = try open(pickle.file([("model", weights), ("logger", object)]))
    #expect(checkpoint.tensors.map(\.name) == [Self.name])
  }

  static let programs = [
    ("os", "system"), ("posix", "system"), ("nt", "system"), ("subprocess", "Popen"),
    ("builtins", "eval"), ("__builtin__", "execfile"), ("builtins", "__import__"),
    ("shutil", "rmtree"), ("importlib", "import_module"), ("os.path", "join"),
  ]

  /// Beside weights as well: nobody has such a file but who was given it.
  @Test(arguments: programs) func filesThatWouldRunProgramsAreRefused(module: String, name: String)
  {
    var pickle = PickleBytes()
    let weights = PickleBytes.dictionary([(Self.name, pickle.tensor([2, 3], Self.values))])
    let call = PickleBytes.call(module, name, [ZipBytes.text("touch /tmp/no")])
    let text = sentence(opening: try open(pickle.file([("model", weights), ("x", call)])))
    #expect(text.hasPrefix("the pickle asks for '\(module).\(name)' at byte"), "\(text)")
  }

  /// A module has its weights where only its class finds them.
  @Test(arguments: [nil, "model", "net", "state_dict"])
  func aWholeModuleSaysHowToSaveItsWeights(key: String?) {
    var pickle = PickleBytes()
    let parameters = PickleBytes.dictionary([("weight", pickle.tensor([2, 3], Self.values))])
    let module = PickleBytes.object("net", "GPT", attributes: [("_parameters", parameters)])
    let bytes =
      key.map { pickle.file([($0, module), ("epoch", [0x4B, 3])]) }
      ?? pickle.file(root: module)
    #expect(
      sentence(opening: try open(bytes))
        == "the file holds a whole pickled module, 'net.GPT', which only its own code can open; "
        + "save its state dictionary: torch.save(model.state_dict(), \"model.pt\")")
  }

  /// `copyreg._reconstructor(class, object, None)`, as older protocols make objects.
  @Test func anObjectIsCalledByItsClass() {
    var pickle = PickleBytes()
    let made = PickleBytes.call(
      "copyreg", "_reconstructor",
      [
        ZipBytes.global("a", "Quantized"), ZipBytes.global("builtins", "object"),
        pickle.tensor([1], [1]),
      ])
    let text = sentence(opening: try open(pickle.file([("a", made)])))
    #expect(text.contains("has the type 'a.Quantized'"), "\(text)")
  }
}

/// Files of the kinds that people have.
@Suite(.enabled(if: SharedData.isPresent)) struct SharedObjectTests {
  static let kinds = [
    "attrdict", "cls", "counter", "cplx", "dataclass", "date", "decimal", "defaultdict", "device",
    "dtype", "enum", "function", "generator", "module", "namespace", "np_array", "np_bool",
    "np_scalar", "partial", "path", "set", "size", "slice",
  ]

  @Test(arguments: kinds) func theWeightsAreThoseOfModel(kind: String) throws {
    let folder = SharedData.path("cases/50-objects-beside-weights")
    guard SharedData.exists("cases/50-objects-beside-weights/\(kind).pt") else { return }
    let checkpoint = try Checkpoint.open("\(folder)/\(kind).pt")
    #expect(checkpoint.parameters.count == 28)
    #expect(checkpoint.warnings.isEmpty)
    for parameter in checkpoint.parameters { _ = try parameter.tensor() }
  }
}
