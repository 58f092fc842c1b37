internal import Tensors

/// A layout with the settings of a model.
struct LayerWriting: Sendable {
  let layout: ExportLayout
  let settings: ExportSettings

  /// The arrays of a layer.
  func arrays(_ layer: GridLayer) -> [WrittenArray] { layout.layout.arrays(layer, settings) }

  /// Their bytes. Throws `CheckpointError.invalidConversion` unless they are read again as the
  /// weights that are meant.
  func encoded(_ layer: GridLayer, _ weights: Weights) throws(CheckpointError) -> [Bytes] {
    guard let grid = weights.grid else {
      throw .invalidConversion(reason: "\(layer.name.quoted) lies on no grid any more")
    }
    let codes = layer.codes(weights.values, on: grid)
    let bytes = layout.layout.encode(layer, codes, settings).map { Bytes($0) }
    var arrays: [String: StoredArray] = [:]
    for (array, bytes) in zip(self.arrays(layer), bytes) {
      let tensor = IndexedTensor(
        name: array.suffix, dtype: array.dtype, dtypeName: array.dtype.rawValue,
        shape: Shape(array.dimensions), byteRange: 0..<bytes.count)
      arrays[array.suffix] = StoredArray(tensor, bytes)
    }
    let configuration = JSON([("quantization_config", layout.layout.configuration(settings))])
    let read = try layout.layout.weights(
      LayerArrays(name: layer.name, arrays), QuantizationSettings(configuration: configuration))
    guard let read,
      StoredNumbers.areSame(
        try read.tensor(threads: Parallel.defaultThreads, shouldStop: { false }),
        layer.weights(of: codes))
    else {
      throw .invalidConversion(
        reason: "\(layer.name.quoted) stored as \(layout.rawValue) has other values")
    }
    return bytes
  }
}
