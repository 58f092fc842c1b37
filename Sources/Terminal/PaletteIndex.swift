/// The number under which a terminal knows a colour.
public enum PaletteIndex {
  /// The nearest colour there is, of `count` colours; -1 for the terminal's own.
  ///
  /// By value for `trueColor`, else an index: 0…15 are the ANSI colours, 16…231 a cube of
  /// six steps for each component, 232…255 greys (xterm's ctlseqs).
  public static func of(_ color: Color, _ depth: ColorDepth, _ count: Int32) -> Int32 {
    guard let c = color.components else { return -1 }
    let (red, green, blue) = (Int(c.red), Int(c.green), Int(c.blue))
    switch depth {
    case .monochrome: return -1
    case .ansi16: return color.ansiIndex.map { Int32($0) } ?? nearestANSI(red, green, blue)
    case .indexed256: return color.ansiIndex.map { Int32($0) } ?? nearest256(red, green, blue)
    case .trueColor:
      if let index = color.ansiIndex, index < 8 { return Int32(index) }
      // The values 0…7 mean ANSI colours there too; these are as black as black.
      let value = Int32(red << 16 | green << 8 | blue)
      return value < 8 ? 0x000100 : value
    }
  }

  /// The six steps of the cube.
  private static let steps = [0, 95, 135, 175, 215, 255]

  private static func nearest256(_ red: Int, _ green: Int, _ blue: Int) -> Int32 {
    func step(_ value: Int) -> Int { value < 48 ? 0 : value < 115 ? 1 : (value - 35) / 40 }
    let (r, g, b) = (step(red), step(green), step(blue))
    let cube = distance(red - steps[r], green - steps[g], blue - steps[b])
    let grey = min(23, max(0, ((red + green + blue) / 3 - 3) / 10))
    let level = 8 + 10 * grey
    let flat = distance(red - level, green - level, blue - level)
    return Int32(flat < cube ? 232 + grey : 16 + 36 * r + 6 * g + b)
  }

  private static func nearestANSI(_ red: Int, _ green: Int, _ blue: Int) -> Int32 {
    var best: (index: Int32, distance: Int) = (0, .max)
    for index in 0..<UInt8(16) {
      guard let c = Color.ansi(index).components else { continue }
      let away = distance(red - Int(c.red), green - Int(c.green), blue - Int(c.blue))
      if away < best.distance { best = (Int32(index), away) }
    }
    return best.index
  }

  private static func distance(_ red: Int, _ green: Int, _ blue: Int) -> Int {
    red * red + green * green + blue * blue
  }
}
