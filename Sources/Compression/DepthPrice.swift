internal import Tensors

/// The price λ of a bit at which channels buy as many as there are to spend.
struct DepthPrice {
  /// The choices of a layer's rows.
  struct Layer {
    let rows: [DepthChoices]
    /// Weights a bit of depth is paid for.
    let columns: Int
  }

  /// Squared error that one bit of one weight must save.
  let price: Double

  /// The lowest price at which the mean depth is at most `bits`, to 2^−50 of it.
  init(spending bits: Double, on layers: [Layer]) {
    let weights = layers.reduce(0) { $0 + $1.rows.count * $1.columns }
    let budget = bits * Double(weights)
    func isWithin(_ price: Double) -> Bool {
      var spent = 0.0
      for layer in layers {
        let depths = layer.rows.reduce(0.0) {
          $0 + Double(Self.choice(of: $1, fanIn: layer.columns, price).depth)
        }
        spent += depths * Double(layer.columns)
      }
      return spent <= budget
    }
    guard !isWithin(0) else {
      price = 0
      return
    }
    // In log2: prices differ by many orders of magnitude.
    var (low, high) = (-200.0, 200.0)
    for _ in 0..<56 {
      let middle = (low + high) / 2
      if isWithin(Self.power(middle)) { high = middle } else { low = middle }
    }
    price = Self.power(high)
  }

  func choice(of row: DepthChoices, fanIn: Int) -> DepthChoices.Choice {
    Self.choice(of: row, fanIn: fanIn, price)
  }

  /// The deepest choice whose last step saves its price. On the hull what a step
  /// saves falls, so the steps before it do so too.
  private static func choice(
    of row: DepthChoices, fanIn: Int, _ price: Double
  ) -> DepthChoices.Choice {
    let choices = row.choices
    var (low, high) = (0, choices.count - 1)
    while low < high {
      let middle = (low + high + 1) / 2
      let (a, b) = (choices[middle - 1], choices[middle])
      let cost = price * Double(fanIn) * Double(b.depth - a.depth)
      if a.squaredError - b.squaredError > cost { low = middle } else { high = middle - 1 }
    }
    return choices[low]
  }

  /// 2^x, by the same sums on every machine.
  private static func power(_ x: Double) -> Double { ChannelDepth.powerOfTwo(x) }
}
