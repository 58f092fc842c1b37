internal import CheckpointIO
public import Compression
internal import Jobs
internal import Models
internal import Tensors
internal import Transformers

/// What a mix of levels is to come to: `4MB`, `4.0b/w`, `loss 2.95`.
public enum MixTarget: Sendable, Hashable, CustomStringConvertible {
  /// Bytes of the file.
  case bytes(Int)
  /// Bits of the file's tensors by the weights of the original.
  case bitsPerWeight(Double)
  /// Nats a token.
  case loss(Double)

  /// nil for a text that is no target.
  public init?(_ text: String) {
    let words = text.lowercased().split { $0 == " " || $0 == "=" }.joined()
    if words.hasSuffix("b/w") {
      guard let bits = Double(words.dropLast(3)), bits > 0, bits <= 64 else { return nil }
      self = .bitsPerWeight(bits)
    } else if words.hasPrefix("loss") {
      guard let loss = Double(words.dropFirst(4)), loss > 0, loss < 100 else { return nil }
      self = .loss(loss)
    } else {
      guard let size = ByteSize(words) else { return nil }
      self = .bytes(size.byteCount)
    }
  }

  public var description: String {
    switch self {
    case .bytes(let bytes): "\(ByteSize(byteCount: bytes))"
    case .bitsPerWeight(let bits): "\(bits) bits/weight"
    case .loss(let loss): "loss \(loss)"
    }
  }
}

extension Quantize {
  /// What `reach` mixes the levels of: groups of 64 with the scale of least error, by Qronos where there
  /// is a text to see inputs on (empty for one that the model writes), else to the nearest.
  public static func mixed(on text: String?) -> Quantize {
    var pass = Quantize()
    (pass.scheme, pass.granularity, pass.scale) = (.affine, .group, .mse)
    if let text {
      pass.method = .qronos
      pass.calibration.text = text
    }
    return pass
  }
}

/// Finds the mix of levels that comes to a target.
struct MixFinder {
  let target: MixTarget
  let base: Quantize
  /// What the file will be.
  let request: SaveRequest
  /// Measures a loss that is to be reached.
  let meter: LossMeter

  /// Shares of the work where a loss is the target: the search, then a mix and its loss each time.
  private static let searching = 0.0...0.4
  private static let rounds = 3

  private var kind: MixSearch.Kind {
    if case .gguf = request.kind { .blocks } else { .bits }
  }

  /// The pass; nil where the model has come to the target already. Throws `SavingError` where no mix
  /// does, and what the search and the passes throw.
  func pass(
    for model: ModelState, of checkpoint: Checkpoint, in job: borrowing JobContext
  ) throws -> Quantize? {
    let isLoss = if case .loss = target { true } else { false }
    let search = try MixSearch(
      model, by: base, levels: kind, in: job.part(isLoss ? Self.searching : 0...1)
    ) { parameter, weights in
      switch kind {
      case .bits: SavePlan.packedByteCount(of: parameter, weights)
      case .blocks:
        parameter.origin.flatMap { $0.format.byteCount(of: parameter.shape) }
          ?? parameter.shape.count * parameter.dtype.byteCount
      }
    }
    switch target {
    case .loss(let loss): return try pass(search, for: model, loss: loss, in: job)
    case .bytes, .bitsPerWeight: break
    }
    let whole = try Saving.plan(
      model, of: checkpoint, as: request, to: "", in: job.part(1...1))
    let isWhole = if case .bytes = target { true } else { false }
    let rest = (isWhole ? whole.plan.byteCount : whole.tensorByteCount) - search.presentByteCount
    let bytes: Int
    switch target {
    case .bytes(let count):
      // What the header will say of the tensors is known only roughly.
      let margin = kind == .bits ? 512 * search.layerCount : 0
      bytes = count - margin
    case .bitsPerWeight(let bits): bytes = Int(bits * Double(checkpoint.parameters.weightCount) / 8)
    case .loss: preconditionFailure("a size")
    }
    do {
      return try search.pass(budget: bytes - rest)?.pass
    } catch let error as MixSearch.Unreachable {
      let least = rest + error.smallest
      let smallest =
        isWhole
        ? "\(ByteSize(byteCount: least + (kind == .bits ? 512 * search.layerCount : 0)).roundedUp)"
        : "\(Self.short(Double(least) * 8 / Double(checkpoint.parameters.weightCount))) bits/weight"
      throw SavingError(
        "no mix of quantizers makes a file of \(target); the smallest that can be reached is "
          + smallest)
    }
  }

  private static func short(_ number: Double) -> Double { (number * 1e4).rounded() / 1e4 }

  /// The smallest mix that comes to a loss, as far as a few tries tell.
  private func pass(
    _ search: MixSearch, for model: ModelState, loss: Double, in job: borrowing JobContext
  ) throws -> Quantize? {
    func part(_ round: Int) -> ClosedRange<Double> {
      let size = (1 - Self.searching.upperBound) / Double(Self.rounds + 1)
      let start = Self.searching.upperBound + size * Double(round)
      return start...start + size
    }
    let before = try meter.measure(
      model, isOriginal: false, in: job.part(part(0))
    ).evaluation.loss
    guard loss > before else {
      throw SavingError(
        "the loss is \(Self.short(before)) already, before anything is rounded; \(target) cannot be "
          + "reached")
    }
    // Damages are nats, but not quite those of this text, and they do not quite add up.
    var allowed = loss - before
    var best: (pass: Quantize, bytes: Int)?
    for round in 1...Self.rounds {
      guard let mix = search.pass(damage: allowed) else { break }
      let part = part(round)
      let middle = (part.lowerBound + part.upperBound) / 2
      let changed = try mix.pass.apply(
        to: model, layers: .all, in: job.part(part.lowerBound...middle))
      let after = try meter.measure(
        changed, isOriginal: false, in: job.part(middle...part.upperBound)
      ).evaluation.loss
      if after <= loss, mix.bytes < best?.bytes ?? .max { best = (mix.pass, mix.bytes) }
      let rise = max(after - before, 1e-6)
      if after <= loss, rise > 0.95 * (loss - before) { break }
      allowed *= min(max(0.97 * (loss - before) / rise, 0.2), 5)
    }
    guard let best else {
      throw SavingError("no mix that was tried comes to \(target)")
    }
    return best.pass
  }
}
