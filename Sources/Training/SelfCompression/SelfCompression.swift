internal import Backend
internal import Glibc
internal import Tensors
internal import Transformers

/// What decides how a network compresses itself.
public struct CompressionSettings: Sendable, Hashable, Codable {
  /// γ, the price of one bit per weight in nats.
  public var gamma: Double
  /// Bits per weight that γ is steered to reach; nil leaves γ as it is.
  public var target: Double?
  /// Bit depth of every channel at the start.
  public var depth: Float
  /// Adam's learning rates of bit depths and exponents, and its ε; as in the paper
  /// unless told otherwise.
  public var depthRate: Float
  public var exponentRate: Float
  public var epsilon: Float
  /// Steps between two removals of dead channels.
  public var removeEvery: Int
  /// Share of the run after which depths and exponents stay and only weights learn.
  public var settleAt: Double

  public init(
    gamma: Double = 0.015, target: Double? = nil, depth: Float = 4, depthRate: Float = 0.5,
    exponentRate: Float = 0.5, epsilon: Float = 1e-3, removeEvery: Int = 50,
    settleAt: Double = 0.85
  ) {
    self.gamma = gamma
    self.target = target
    self.depth = depth
    self.depthRate = depthRate
    self.exponentRate = exponentRate
    self.epsilon = epsilon
    self.removeEvery = removeEvery
    self.settleAt = settleAt
  }

  /// Settings that let γ be steered well: a price that is felt from the start, and depths
  /// that move slowly enough for their gradients to tell channels apart.
  public static func toward(_ target: Double) -> CompressionSettings {
    CompressionSettings(
      gamma: 0.1, target: target, depthRate: 0.1, exponentRate: 0.1, epsilon: 2.5e-5,
      settleAt: 0.6)
  }

  /// Throws `TrainingError.badSetting` at the first that makes no sense.
  func check() throws {
    guard gamma >= 0, gamma <= 100 else {
      throw TrainingError.badSetting("gamma is a number from 0 to 100, not \(gamma).")
    }
    if let target, !(target > 0 && target <= 16) {
      throw TrainingError.badSetting("The target is above 0 and at most 16 bits, not \(target).")
    }
    guard depth > 0, depth <= ChannelDepth.largest else {
      throw TrainingError.badSetting(
        "The first depth is above 0 and at most 16 bits, not \(depth).")
    }
    guard depthRate >= 0, exponentRate >= 0, depthRate.isFinite, exponentRate.isFinite,
      epsilon > 0, removeEvery > 0, settleAt >= 0, settleAt <= 1
    else { throw TrainingError.badSetting("A setting of self-compression is out of its range.") }
  }

  static let beta1: Float = 0.9
  static let beta2: Float = 0.999
  /// Exponents are held to ± this.
  static let exponentLimit: Float = 20
}

/// How far self-compression is.
public struct CompressionProgress: Sendable, Hashable, Codable {
  public var gamma: Double
  /// Updates of depths and exponents.
  var steps = 0
  /// How far Q was above its curve when γ was last steered, as a share of it.
  var lastAhead: Double?

  init(gamma: Double) { self.gamma = gamma }
}

/// Self-compression: the output channels of the blocks' linear layers learn how many
/// bits they need while the weights go on learning (Cséfalvay and Imber,
/// Self-Compressing Neural Networks, arXiv 2301.13142).
///
/// The objective is the loss plus γ·Q, where Q is the mean bit depth of the weights.
public final class SelfCompression {
  public private(set) var settings: CompressionSettings
  /// γ as it is now.
  public var gamma: Double {
    get { progress.gamma }
    set { progress.gamma = newValue }
  }
  public internal(set) var progress: CompressionProgress
  let network: TrainingNetwork
  /// Weights of the blocks' matrices before any was removed.
  public let weightCount: Int

  /// Begins with every channel at the settings' depth. Throws `NetworkError.badSetting` where a
  /// network cannot compress itself.
  public init(_ network: TrainingNetwork, _ settings: CompressionSettings) throws {
    self.network = network
    self.settings = settings
    progress = CompressionProgress(gamma: settings.gamma)
    try network.quantize(depth: settings.depth)
    weightCount = network.blockLayers.reduce(0) { $0 + $1.weight.wholeShape.count }
  }

  private var quantizers: [(layer: TrainableLayer, quantizer: ChannelQuantizer)] {
    network.blockLayers.compactMap { layer in layer.quantizer.map { (layer, $0) } }
  }

  /// Q: the mean bit depth over all weights of the blocks' matrices, in bits per
  /// weight (equation 3); those of removed channels count 0.
  public var meanDepth: Double {
    let bits = quantizers.reduce(0.0) { sum, item in
      sum + Double(item.quantizer.fanIn)
        * item.quantizer.depths.values.reduce(0.0) { $0 + Double(max($1, 0)) }
    }
    return bits / Double(max(weightCount, 1))
  }

  /// Channels that still have bits, and all there were.
  public var channels: (live: Int, all: Int) {
    (
      quantizers.reduce(0) { sum, item in
        sum + item.quantizer.depths.values.count { $0 > 0 }
      },
      network.blockLayers.reduce(0) { $0 + $1.weight.wholeShape.rows }
    )
  }

  /// Replaces bit depths, given the tensor's name, the number of the row that is left,
  /// and its depth.
  package func setDepths(_ change: (String, Int, Float) -> Float) {
    for (layer, quantizer) in quantizers {
      for row in 0..<layer.rows {
        quantizer.depths.values[row] = change(layer.weight.name, row, quantizer.depths.values[row])
      }
    }
  }

  /// Replaces exponents likewise.
  package func setExponents(_ change: (String, Int, Float) -> Float) {
    for (layer, quantizer) in quantizers {
      for row in 0..<layer.rows {
        quantizer.exponents.values[row] = change(
          layer.weight.name, row, quantizer.exponents.values[row])
      }
    }
  }

  /// The last gradients by the depths and exponents of a tensor's rows.
  package func gradients(of name: String) -> (depths: [Float], exponents: [Float])? {
    quantizers.first { $0.layer.weight.name == name }.map {
      ($0.quantizer.depths.gradients, $0.quantizer.exponents.gradients)
    }
  }

  /// Makes of the gradients by quantized weights those by weights, depths and
  /// exponents, with the size's price. Once a step, before the weights move.
  public func convertGradients() {
    let items = quantizers
    let price = gamma / Double(max(weightCount, 1))
    network.crew.run(items.count) { _, index in
      items[index].quantizer.convertGradients(items[index].layer.weight, price: price)
    }
  }

  /// Moves depths and exponents, and γ where there is a target, unless `done`, the
  /// share of the run that is behind, says that they are to stay.
  func advance(done: Double) {
    guard done < settings.settleAt || settings.settleAt == 1 else { return }
    update()
    if let target = settings.target { steer(to: target, done: done) }
  }

  /// Q is to fall as an exponential from the first depth to the target, which it
  /// reaches when depths settle. γ grows while Q is above that curve or falls more
  /// slowly, and shrinks otherwise.
  private func steer(to target: Double, done: Double) {
    let share = min(done / max(settings.settleAt, 1e-9), 1)
    let first = Double(settings.depth)
    let wanted = first * pow(target / first, share)
    let ahead = (meanDepth - wanted) / wanted
    let faster = progress.lastAhead.map { ahead - $0 } ?? 0
    progress.lastAhead = ahead
    let growth = Steering.proportional * ahead + Steering.derivative * faster
    let held = min(max(growth, -Steering.limit), Steering.limit)
    gamma = min(max(gamma * (1 + held), Steering.gammas.lowerBound), Steering.gammas.upperBound)
  }

  /// How γ answers to Q's distance from its curve, relative to the curve, a step.
  private enum Steering {
    static let proportional = 0.05
    static let derivative = 30.0
    static let limit = 0.05
    static let gammas = 1e-5...10.0
  }

  /// Moves depths and exponents by Adam.
  package func update() {
    progress.steps += 1
    for (_, quantizer) in quantizers {
      quantizer.depths.descend(
        rate: settings.depthRate, epsilon: settings.epsilon, step: progress.steps,
        within: 0...ChannelDepth.largest)
      quantizer.exponents.descend(
        rate: settings.exponentRate, epsilon: settings.epsilon, step: progress.steps,
        within: -CompressionSettings.exponentLimit...CompressionSettings.exponentLimit)
    }
  }
}

extension ChannelQuantizer.Learned {
  /// One step of Adam (Kingma and Ba, 2015), number `step` from 1.
  mutating func descend(
    rate: Float, epsilon: Float, step: Int, within bounds: ClosedRange<Float>
  ) {
    let (beta1, beta2) = (CompressionSettings.beta1, CompressionSettings.beta2)
    let correction1 = 1 - pow(beta1, Float(step))
    let correction2 = 1 - pow(beta2, Float(step))
    for index in values.indices {
      let gradient = gradients[index]
      first[index] = beta1 * first[index] + (1 - beta1) * gradient
      second[index] = beta2 * second[index] + (1 - beta2) * gradient * gradient
      let size = (second[index] / correction2).squareRoot() + epsilon
      let moved = values[index] - rate * (first[index] / correction1) / size
      values[index] = min(max(moved, bounds.lowerBound), bounds.upperBound)
    }
  }

}
