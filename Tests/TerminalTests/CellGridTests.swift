import Terminal
import TestSupport
import Testing

@Suite struct CellGridTests {
  @Test(arguments: 0..<200 as Range<UInt64>)
  func drawingTouchesNothingOutsideItsClip(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let marker = Cell("#", Style(.hex(0x123456)))
    var grid = CellGrid(columns: 24, rows: 10, filledWith: marker)
    let clip = Rect(
      x: .random(in: -4...26, using: &random), y: .random(in: -3...11, using: &random),
      width: .random(in: 0...20, using: &random), height: .random(in: 0...8, using: &random))
    draw(on: &grid, in: clip, &random)
    for y in 0..<grid.rows {
      for x in 0..<grid.columns where !clip.contains(x: x, y: y) {
        #expect(grid[x, y] == marker, "seed \(seed), cell \(x),\(y), clip \(clip)")
      }
    }
    expectWholeGlyphs(grid)
  }

  private func draw(on grid: inout CellGrid, in clip: Rect, _ random: inout SplitMix64) {
    let texts = ["plain", "漢字かな", "e\u{301}x\u{200D}y", "a\u{1B}[2Jb", "🙂🙂", ""]
    for _ in 0..<12 {
      let x = Int.random(in: -8...30, using: &random)
      let y = Int.random(in: -3...12, using: &random)
      let area = Rect(
        x: x, y: y, width: .random(in: 0...30, using: &random),
        height: .random(in: 0...12, using: &random))
      let text = texts[.random(in: 0..<texts.count, using: &random)]
      switch Int.random(in: 0..<7, using: &random) {
      case 0: grid.put(text, x: x, y: y, in: clip)
      case 1: grid.box(area, title: text, in: clip)
      case 2: grid.bar(.random(in: -1...2, using: &random), in: area, clip: clip)
      case 3: grid.columns([0.1, 2, .nan, 0.7], in: area, behind: [1, 1, 1, 1, 1], clip: clip)
      case 4: grid.dial(.random(in: 0...1, using: &random), in: area, clip: clip)
      case 5:
        var canvas = BrailleCanvas(columns: area.width, rows: area.height)
        canvas.curve([(0, 0), (.infinity, 1), (0.3, 9), (1, 0.5)])
        grid.put(canvas, in: area, clip: clip) { _ in .plain }
      default: grid.picture(in: area, clip: clip) { x, _ in Cell(x % 2 == 0 ? "漢" : "x") }
      }
    }
  }

  /// Each wide glyph has its right half, and no right half stands alone.
  private func expectWholeGlyphs(_ grid: CellGrid) {
    for y in 0..<grid.rows {
      for x in 0..<grid.columns {
        if grid[x, y].width == 2 { #expect(grid[x + 1, y].isContinuation) }
        if grid[x, y].isContinuation { #expect(grid[x - 1, y].width == 2) }
      }
    }
  }

  @Test func halfAWideGlyphIsNeverLeft() {
    var grid = CellGrid(columns: 6, rows: 1)
    grid.put("漢字x", x: 0, y: 0)
    #expect(grid.line(0) == "漢字x")
    grid.put("a", x: 1, y: 0)
    #expect(grid.line(0) == " a字x")
    grid.put("b", x: 2, y: 0)
    #expect(grid.line(0) == " ab x")
    grid.put("字", x: 5, y: 0)
    #expect(grid.line(0) == " ab x")
  }

  @Test(arguments: [
    ("\u{1B}[31m", "␛[31m"), ("a\tb\n", "a␉b␊"), ("\u{7F}", "␡"), ("\u{9B}", "�"),
    ("\u{202E}x", "�x"), ("e\u{301}", "e\u{301}"), ("\u{301}x", "x"), ("a\u{FE0F}", "a"),
  ])
  func foreignTextIsShownNeverSent(text: String, shown: String) {
    var grid = CellGrid(columns: 10, rows: 1)
    let columns = grid.put(text, x: 0, y: 0)
    #expect(grid.line(0) == shown)
    #expect(columns == text.columns)
  }

  @Test func putSaysHowFarItCame() {
    var grid = CellGrid(columns: 5, rows: 1)
    #expect(grid.put("abc", x: 0, y: 0) == 3)
    #expect(grid.put("abcdefgh", x: 0, y: 0) == 5)
    #expect(grid.put("abc", x: 4, y: 0) == 1)
    #expect(grid.put("abc", x: 9, y: 0) == 0)
    #expect(grid.put("abc", x: 0, y: 1) == 0)
    #expect(grid.put([Span("ab"), Span("漢")], x: 0, y: 0) == 4)
  }

  @Test func linesAreCutAndAligned() {
    var grid = CellGrid(columns: 8, rows: 4)
    grid.putLine("abc", in: grid.bounds, row: 0, .trailing)
    grid.putLine("abcd", in: grid.bounds, row: 1, .center)
    grid.putLine("abcdefghi", in: grid.bounds, row: 2)
    grid.putLine("漢字漢字漢", in: grid.bounds, row: -1)
    #expect(grid.plainText == "     abc\n  abcd\nabcdefg…\n漢字漢…\n")
    grid.putLine("nowhere", in: grid.bounds, row: 4)
    #expect(grid.line(3) == "漢字漢…")
  }

  @Test func truncationKeepsColumns() {
    for text in ["plain name", "漢字漢字", "e\u{301}e\u{301}e\u{301}", "🙂a🙂b"] {
      for limit in 0...12 {
        #expect(text.truncated(to: limit).columns <= limit)
        #expect(text.truncatedAtStart(to: limit).columns <= limit)
        #expect(text.padded(to: limit).columns == limit)
        #expect(text.padded(to: limit, .trailing).columns == limit)
      }
      #expect(text.truncated(to: text.columns) == text)
    }
    #expect("block.2.mlp".truncatedAtStart(to: 6) == "…2.mlp")
  }

  @Test(arguments: 0...40) func barsAreHonest(width: Int) {
    var last = 0
    for step in 0...1000 {
      let glyphs = Glyphs.bar(Double(step) / 1000, width: width)
      #expect(glyphs.count == width)
      let eighths = glyphs.reduce(0) { sum, glyph in
        sum + (glyph == " " ? 0 : (Glyphs.leftEighths.firstIndex(of: glyph) ?? -1000) + 1)
      }
      #expect(eighths >= last)
      #expect((eighths == 0) == (step == 0 || width == 0))
      #expect((eighths == width * 8) == (step == 1000 || width == 0))
      last = eighths
    }
  }

  @Test func everythingHasAnASCIIStandIn() {
    var grid = CellGrid(columns: 40, rows: 8)
    grid.box(grid.bounds, title: "漢字 · é")
    grid.dial(0.4, in: Rect(x: 2, y: 2, width: 20, height: 1))
    grid.bar(0.33, in: Rect(x: 2, y: 3, width: 20, height: 1))
    grid.columns([0.1, 0.5, 0.9], in: Rect(x: 25, y: 1, width: 4, height: 6), behind: [1, 1, 1])
    let ascii = grid.ascii()
    #expect(ascii.plainText.unicodeScalars.allSatisfy { $0.isASCII })
    #expect(ascii.columns == grid.columns && ascii.rows == grid.rows)
    let ours: [Unicode.Scalar] =
      Glyphs.leftEighths + Glyphs.lowerEighths + Glyphs.shades + Glyphs.quadrants
      + (UInt8.min...UInt8.max).map { Glyphs.braille($0) } + [Glyphs.knob, Glyphs.track]
    for glyph in ours {
      #expect(glyph.columns == 1)
      #expect(Glyphs.standIn(for: glyph) != "?", "\(glyph) has no stand-in")
    }
  }
}
