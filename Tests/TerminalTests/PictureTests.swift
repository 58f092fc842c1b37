import Terminal
import TestSupport
import Testing

@Suite struct PictureTests {
  /// One of everything that is drawn.
  static func sampler(_ theme: Theme) -> CellGrid {
    var grid = CellGrid(columns: 60, rows: 14)
    let inside = grid.box(
      grid.bounds, title: "sampler · 漢字", theme[.borderFocused], titleStyle: theme[.title])
    let (left, right) = inside.split(left: 30)
    for (row, fraction) in [0, 0.004, 0.25, 0.5, 0.777, 1].enumerated() {
      grid.bar(
        fraction, in: left.row(row).inset(right: 2), filled: theme[.barFilled],
        empty: theme[.barEmpty])
    }
    grid.dial(
      0.62, in: left.row(7).inset(right: 2), track: theme[.dialTrack], knob: theme[.dialKnob])
    grid.put([Span("[p]", theme[.key]), Span("rune", theme[.text])], x: 1, y: 10, in: left)
    grid.putLine("a <b> & \u{1B}[1m", in: left, row: 10, .leading, theme[.bad])
    grid.restyle(left.row(11), theme[.selected])
    let wave: [Double] = (0..<14).map { Double(($0 * 5) % 14) / 13 }
    grid.columns(
      wave, in: Rect(x: right.x, y: right.y, width: 14, height: 5), theme[.barFilled],
      behind: wave.reversed(), theme[.barBehind])
    var canvas = BrailleCanvas(columns: 14, rows: 5)
    let parabola = (0...20).map { Double($0) / 20 }.map { (x: $0, y: $0 * $0) }
    canvas.curve(parabola)
    canvas.curve([(0, 1), (1, 0)], series: 1)
    grid.put(canvas, in: Rect(x: right.x + 14, y: right.y, width: 14, height: 5)) {
      theme.series($0)
    }
    grid.picture(in: Rect(x: right.x, y: right.y + 6, width: 14, height: 4)) { x, y in
      theme.heatPixels(Double(x) / 13, y == 3 ? nil : Double(13 - x) / 13)
    }
    grid.picture(in: Rect(x: right.x + 14, y: right.y + 6, width: 14, height: 4)) { x, y in
      theme.maskPixels((x + y) % 2 == 0 ? 1 : 0, x < 7 ? 0 : x < 10 ? 0.4 : 1)
    }
    for x in 0..<14 { grid[right.x + x, right.y + 11] = theme.heatCell(Double(x) / 13) }
    return grid
  }

  @Test(arguments: ThemeCatalog.names)
  func samplerLooksAsBefore(name: String) throws {
    let theme = try #require(ThemeCatalog.theme(named: name))
    expectScreen(PictureTests.sampler(theme), theme, named: "sampler-\(name)")
  }

  @Test func samplerInSixteenColours() throws {
    let theme = try #require(ThemeCatalog.theme(named: "night", depth: .ansi16))
    expectScreen(PictureTests.sampler(theme), theme, named: "sampler-16")
  }

  @Test func samplerInASCII() throws {
    let theme = try #require(ThemeCatalog.theme(named: "night", ascii: true))
    expectScreen(PictureTests.sampler(theme).ascii(), theme, named: "sampler-ascii")
  }

  @Test func svgIsSmallAndSafe() throws {
    let theme = try #require(ThemeCatalog.theme(named: "night"))
    let svg = PictureTests.sampler(theme).svg(theme: theme)
    #expect(svg == PictureTests.sampler(theme).svg(theme: theme))
    #expect(svg.hasPrefix("<svg ") && svg.hasSuffix("</svg>\n"))
    #expect(svg.contains("a &lt;b&gt; &amp; ␛[1m"))
    #expect(!svg.unicodeScalars.contains { $0.value < 32 && $0 != "\n" })
    #expect(svg.utf8.count < 40_000)
  }

  @Test(arguments: ThemeCatalog.names, ColorDepth.allCases)
  func rolesThatMustBeSeenDifferFromText(name: String, depth: ColorDepth) throws {
    let theme = try #require(ThemeCatalog.theme(named: name, depth: depth))
    for role in [Role.selected, .cursor, .marked, .bad, .tabSelected, .key, .dim, .match] {
      #expect(theme[role] != theme[.text], "\(role)")
    }
    for value in [-1, 0, 0.5, 1, 2, Double.nan, .infinity] {
      _ = theme.heat(value)
      #expect(theme.heatCell(value).width == 1)
      #expect(theme.maskPixels(value, value).width == 1)
    }
    #expect(theme.series(-1) == theme.series(-1))
  }

  @Test func heatRisesInLightness() throws {
    for name in ["night", "day"] {
      let theme = try #require(ThemeCatalog.theme(named: name))
      var last = -1.0
      for step in 0...100 {
        let c = try #require(theme.heat(Double(step) / 100).components)
        // Rec. 709 luma.
        let luma = 0.2126 * Double(c.red) + 0.7152 * Double(c.green) + 0.0722 * Double(c.blue)
        #expect(luma >= last - 0.5)
        last = luma
      }
    }
  }

  @Test func nearestPaletteColoursAreNear() {
    #expect(PaletteIndex.of(.standard, .indexed256, 256) == -1)
    #expect(PaletteIndex.of(.hex(0xFF0000), .indexed256, 256) == 196)
    #expect(PaletteIndex.of(.hex(0x808080), .indexed256, 256) == 244)
    #expect(PaletteIndex.of(.hex(0xFFFFFF), .indexed256, 256) == 231)
    #expect(PaletteIndex.of(.ansi(9), .indexed256, 256) == 9)
    #expect(PaletteIndex.of(.hex(0x00FF01), .ansi16, 16) == 10)
    #expect(PaletteIndex.of(.hex(0x123456), .trueColor, 1 << 24) == 0x123456)
    #expect(PaletteIndex.of(.hex(0x000003), .trueColor, 1 << 24) == 0x000100)
  }
}
