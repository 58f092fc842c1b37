package import Tensors

/// Which layer is looked at, what is drawn of its matrix, and where the cursor is on it.
public struct LayerState: Sendable, Hashable {
  /// What the right pane draws.
  public enum Tab: String, Sendable, CaseIterable {
    case mask
    case magnitude
    case tiles
    case channels
    case spectrum
    case codes
    case routing

    var title: String {
      switch self {
      case .mask: "mask"
      case .magnitude: "mean |w|"
      case .tiles: "tiles"
      case .channels: "kept and bits by channel"
      case .spectrum: "singular values"
      case .codes: "codes"
      case .routing: "tokens by expert"
      }
    }

    /// Whether it draws codes or experts one by one: it has no pixels of a matrix and no preview.
    var isList: Bool { self == .codes || self == .routing }
  }

  /// The layer's parameter.
  public var name: String?
  public var tab = Tab.mask
  /// Each step halves the part of the matrix that is seen; 0 fits all of it.
  public var zoom = 0
  /// Weight under the cursor; the part that is seen is centred on it.
  public var row = 0
  public var column = 0
  public var isLogarithmic = false
  /// Bins of the histogram: 0 fits the pane, each step halves or doubles them.
  public var binShift = 0
  /// Edge length of a tile in the tiles tab.
  public var tile = 16

  /// More zooms than any matrix has.
  private static let zoomLimit = 41

  public init() {}

  /// Shows another layer as a whole.
  public mutating func open(_ name: String) {
    guard name != self.name else { return }
    self.name = name
    zoom = 0
    row = 0
    column = 0
  }

  /// The part of a matrix that is seen on `width × height` pixels.
  package func window(_ shape: Shape, width: Int, height: Int) -> MatrixWindow {
    MatrixWindow(
      rows: Self.visible(shape.rows, pixels: height, zoom: zoom, around: row),
      columns: Self.visible(shape.columns, pixels: width, zoom: zoom, around: column),
      width: width, height: height)
  }

  /// The highest zoom that changes anything: one weight a pixel on both axes.
  func highestZoom(_ shape: Shape, width: Int, height: Int) -> Int {
    var zoom = 0
    while zoom < 48,
      shape.rows >> zoom > max(height, 1) || shape.columns >> zoom > max(width, 1)
    { zoom += 1 }
    return zoom
  }

  private static func visible(
    _ count: Int, pixels: Int, zoom: Int, around center: Int
  ) -> Range<Int> {
    let wanted = max(count >> zoom, min(count, max(pixels, 1)))
    let start = max(0, min(center - wanted / 2, count - wanted))
    return start..<start + wanted
  }
}

extension LayerState {
  /// The part that is kept with the session.
  var place: [String: String] {
    [
      "layer": name ?? "", "row": String(row), "column": String(column), "zoom": String(zoom),
      "picture": tab.rawValue,
    ]
  }

  /// Goes back to what was kept, if the model has that layer.
  mutating func restore(_ place: [String: String], in model: ModelMap) {
    if let name = place["layer"], let shape = model.layer(named: name)?.shape {
      self.name = name
      row = place.number("row", below: shape.rows)
      column = place.number("column", below: shape.columns)
      zoom = place.number("zoom", below: Self.zoomLimit)
    }
    tab = place["picture"].flatMap(Tab.init) ?? tab
  }
}

/// A part of a matrix on a raster of pixels; a pixel is one weight or more.
package struct MatrixWindow: Hashable {
  package let rows: Range<Int>
  package let columns: Range<Int>
  /// Pixels that are drawn, never more than there are weights.
  package let width: Int
  package let height: Int

  package init(rows: Range<Int>, columns: Range<Int>, width: Int, height: Int) {
    self.rows = rows
    self.columns = columns
    self.width = max(0, min(width, columns.count))
    self.height = max(0, min(height, rows.count))
  }

  /// The weights of a pixel.
  package func cell(_ x: Int, _ y: Int) -> (rows: Range<Int>, columns: Range<Int>) {
    (
      rows.lowerBound + rows.count * y / height..<rows.lowerBound + rows.count * (y + 1) / height,
      columns.lowerBound + columns.count * x / width..<columns.lowerBound + columns.count * (x + 1)
        / width
    )
  }

  /// The pixel of a weight, if it is seen.
  package func pixel(row: Int, column: Int) -> (x: Int, y: Int)? {
    guard rows.contains(row), columns.contains(column), width > 0, height > 0 else { return nil }
    let x = ((column - columns.lowerBound) * width + width - 1) / columns.count
    let y = ((row - rows.lowerBound) * height + height - 1) / rows.count
    return (
      fitted(x, width) { cell($0, 0).columns.contains(column) },
      fitted(y, height) { cell(0, $0).rows.contains(row) }
    )
  }

  /// Corrects a guess by at most one.
  private func fitted(_ guess: Int, _ count: Int, _ isRight: (Int) -> Bool) -> Int {
    for candidate in [guess, guess - 1, guess + 1]
    where candidate >= 0 && candidate < count && isRight(candidate) { return candidate }
    return min(max(guess, 0), count - 1)
  }

  /// `12 × 4`: weights of a pixel.
  var scale: String {
    guard width > 0, height > 0 else { return "–" }
    return "\((rows.count + height - 1) / height) × \((columns.count + width - 1) / width)"
  }
}
