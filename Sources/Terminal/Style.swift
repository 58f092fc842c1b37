/// How a cell is drawn: two colours and some attributes.
public struct Style: Hashable, Sendable {
  /// What a terminal can do to a glyph beside colouring it.
  public struct Attributes: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let bold = Attributes(rawValue: 1)
    public static let dim = Attributes(rawValue: 2)
    public static let italic = Attributes(rawValue: 4)
    public static let underline = Attributes(rawValue: 8)
    public static let reverse = Attributes(rawValue: 16)
  }

  public var foreground: Color
  public var background: Color
  public var attributes: Attributes

  public init(
    _ foreground: Color = .standard, on background: Color = .standard,
    _ attributes: Attributes = []
  ) {
    self.foreground = foreground
    self.background = background
    self.attributes = attributes
  }

  /// The terminal's own colours, no attribute.
  public static let plain = Style()

  public var bold: Bool {
    get { attributes.contains(.bold) }
    set { set(.bold, newValue) }
  }

  public var dim: Bool {
    get { attributes.contains(.dim) }
    set { set(.dim, newValue) }
  }

  public var italic: Bool {
    get { attributes.contains(.italic) }
    set { set(.italic, newValue) }
  }

  public var underline: Bool {
    get { attributes.contains(.underline) }
    set { set(.underline, newValue) }
  }

  public var reverse: Bool {
    get { attributes.contains(.reverse) }
    set { set(.reverse, newValue) }
  }

  /// The same style with more attributes.
  public func with(_ more: Attributes) -> Style {
    Style(foreground, on: background, attributes.union(more))
  }

  /// The same style with another background.
  public func on(_ background: Color) -> Style { Style(foreground, on: background, attributes) }

  /// The same style with another foreground.
  public func colored(_ foreground: Color) -> Style {
    Style(foreground, on: background, attributes)
  }

  private mutating func set(_ attribute: Attributes, _ on: Bool) {
    if on { attributes.insert(attribute) } else { attributes.remove(attribute) }
  }
}
