internal import Tensors

/// What a pickle looks up by name. None of it runs anything: what makes tensors and
/// dictionaries is re-enacted here, and everything else is only known by its name.
enum PickleGlobal: Sendable, Hashable {
  /// `OrderedDict`, `dict`, `defaultdict` and `Counter`.
  case dictionary
  /// `_rebuild_tensor(storage, offset, size, stride)` and `_v2(…, grad, hooks)`.
  case rebuildTensor
  /// `_v3(storage, offset, size, stride, grad, hooks, dtype, …)`.
  case rebuildTensorWithType
  /// `_rebuild_qtensor(storage, offset, size, stride, (scheme, scale, zero, …), …)`.
  case rebuildQuantizedTensor
  /// `_rebuild_sparse_tensor(layout, (indices, values, size, …))`.
  case rebuildSparseTensor
  /// `_rebuild_from_type_v2(function, type, arguments, state)`.
  case rebuildFromType
  /// `_rebuild_parameter(data, …)`.
  case rebuildParameter
  case size
  case storage(TorchType?)
  case type(TorchType)
  /// Anything else, by the number of its name in the graph.
  case foreign(Int32)

  /// nil for what is only known by its name.
  init?(module: String, name: String) {
    switch (module, name) {
    case ("collections", "OrderedDict"), ("collections", "defaultdict"),
      ("collections", "Counter"), ("builtins", "dict"), ("__builtin__", "dict"):
      self = .dictionary
    case ("torch._utils", "_rebuild_tensor"), ("torch._utils", "_rebuild_tensor_v2"):
      self = .rebuildTensor
    case ("torch._utils", "_rebuild_tensor_v3"): self = .rebuildTensorWithType
    case ("torch._utils", "_rebuild_qtensor"): self = .rebuildQuantizedTensor
    case ("torch._utils", "_rebuild_sparse_tensor"): self = .rebuildSparseTensor
    case ("torch._tensor", "_rebuild_from_type_v2"): self = .rebuildFromType
    case ("torch._utils", "_rebuild_parameter"),
      ("torch._utils", "_rebuild_parameter_with_state"):
      self = .rebuildParameter
    case ("torch", "Size"): self = .size
    case ("torch.storage", "UntypedStorage"), ("torch", "UntypedStorage"): self = .storage(nil)
    case ("torch", _) where TorchType.storages[name] != nil:
      self = .storage(TorchType.storages[name])
    case ("torch", _) where TorchType.types[name] != nil:
      guard let type = TorchType.types[name] else { return nil }
      self = .type(type)
    default: return nil
    }
  }

  /// Whether a file that names this was made to run a program or text as code: no
  /// checkpoint has a use for it.
  static func isHostile(module: String, name: String) -> Bool {
    hostileModules.contains(String(module.prefix { $0 != "." }))
      || (builtins.contains(module) && hostileFunctions.contains(name))
  }

  private static let hostileModules: Set<String> = [
    "os", "posix", "nt", "subprocess", "commands", "pty", "shutil", "socket", "runpy",
    "importlib", "webbrowser", "ctypes", "code", "sys",
  ]
  private static let builtins: Set<String> = ["builtins", "__builtin__"]
  private static let hostileFunctions: Set<String> = [
    "eval", "exec", "execfile", "compile", "__import__", "open", "input", "breakpoint",
  ]
}

/// A PyTorch number type: those Pare reads, and those it can only list.
struct TorchType: Sendable, Hashable {
  let dtype: DType?
  let name: String
  let byteCount: Int

  private init(_ dtype: DType) {
    self.dtype = dtype
    name = dtype.rawValue
    byteCount = dtype.byteCount
  }

  /// The integers that a quantized type's codes are; nil for another type.
  var codes: DType? {
    switch name {
    case "QINT8": .i8
    case "QUINT8": .u8
    case "QINT32": .i32
    default: nil
    }
  }

  /// The same type read as the integers that its codes are.
  var asCodes: TorchType? { codes.map { TorchType($0) } }

  private init(unreadable name: String, byteCount: Int) {
    dtype = nil
    self.name = name
    self.byteCount = byteCount
  }

  static let storages: [String: TorchType] = [
    "DoubleStorage": TorchType(.f64), "FloatStorage": TorchType(.f32),
    "HalfStorage": TorchType(.f16), "BFloat16Storage": TorchType(.bf16),
    "LongStorage": TorchType(.i64), "IntStorage": TorchType(.i32),
    "ShortStorage": TorchType(.i16), "CharStorage": TorchType(.i8),
    "ByteStorage": TorchType(.u8), "BoolStorage": TorchType(.bool),
    "ComplexFloatStorage": TorchType(unreadable: "C64", byteCount: 8),
    "ComplexDoubleStorage": TorchType(unreadable: "C128", byteCount: 16),
    "QInt8Storage": TorchType(unreadable: "QINT8", byteCount: 1),
    "QUInt8Storage": TorchType(unreadable: "QUINT8", byteCount: 1),
    "QInt32Storage": TorchType(unreadable: "QINT32", byteCount: 4),
  ]

  static let types: [String: TorchType] = [
    "float64": TorchType(.f64), "float32": TorchType(.f32), "float16": TorchType(.f16),
    "bfloat16": TorchType(.bf16), "float8_e4m3fn": TorchType(.f8e4m3),
    "float8_e5m2": TorchType(.f8e5m2), "int64": TorchType(.i64), "int32": TorchType(.i32),
    "int16": TorchType(.i16), "int8": TorchType(.i8), "uint8": TorchType(.u8),
    "bool": TorchType(.bool),
    "float8_e4m3fnuz": TorchType(unreadable: "F8_E4M3FNUZ", byteCount: 1),
    "float8_e5m2fnuz": TorchType(unreadable: "F8_E5M2FNUZ", byteCount: 1),
    "float8_e8m0fnu": TorchType(unreadable: "F8_E8M0", byteCount: 1),
    "uint16": TorchType(unreadable: "U16", byteCount: 2),
    "uint32": TorchType(unreadable: "U32", byteCount: 4),
    "uint64": TorchType(unreadable: "U64", byteCount: 8),
    "complex32": TorchType(unreadable: "C32", byteCount: 4),
    "complex64": TorchType(unreadable: "C64", byteCount: 8),
    "complex128": TorchType(unreadable: "C128", byteCount: 16),
    "float4_e2m1fn_x2": TorchType(unreadable: "F4X2", byteCount: 1),
    "bits1x8": TorchType(unreadable: "BITS1X8", byteCount: 1),
    "bits2x4": TorchType(unreadable: "BITS2X4", byteCount: 1),
    "bits4x2": TorchType(unreadable: "BITS4X2", byteCount: 1),
    "bits8": TorchType(unreadable: "BITS8", byteCount: 1),
    "bits16": TorchType(unreadable: "BITS16", byteCount: 2),
  ]
}
