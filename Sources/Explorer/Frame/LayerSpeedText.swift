/// Whether the packed form of a revision's layers pays when it writes.
struct LayerSpeedText {
  private let ratio: Double

  /// As `Metrics.layerSpeed`.
  init(_ ratio: Double) { self.ratio = ratio }

  /// Within what a measurement differs from the next one.
  var pays: Bool { ratio >= 0.95 }

  var text: String {
    let speed = "layers \(Decimal.text(ratio, 2))× as fast"
    return pays ? speed : "! \(speed): packing slows writing"
  }
}
