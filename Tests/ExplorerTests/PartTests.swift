import CheckpointIO
import Compression
import Explorer
import Tensors
import Terminal
import TestSupport
import Testing
import Workspace

@Suite struct PartTests {
  @Test func lineEditorKeepsItsCursorInside() {
    var random = SplitMix64(seed: 21)
    let keys: [Key] = [
      .character("a"), .character(" "), .character("漢"), .backspace, .delete, .left, .right, .home,
      .end, .control("u"), .control("k"), .control("w"), .control("a"), .control("d"),
    ]
    var editor = LineEditor()
    for _ in 0..<5_000 {
      let before = editor
      let key = keys.randomElement(using: &random) ?? .left
      let isTaken = editor.handle(key)
      #expect(isTaken)
      #expect(0...editor.text.count ~= editor.cursor)
      if case .character = key {
        #expect(editor.text.count == before.text.count + 1)
        var undone = editor
        _ = undone.handle(.backspace)
        #expect(undone == before)
      }
    }
    var words = LineEditor("save mod")
    words.complete(from: 5, "model.safetensors")
    #expect(words.string == "save model.safetensors" && words.beforeCursor == words.string)
    let isEnterTaken = words.handle(.enter)
    #expect(!isEnterTaken)
  }

  @Test func wordsAreSplitAsAShellDoes() {
    #expect(CommandText.words("  a  b ") == ["a", "b"])
    #expect(CommandText.words("save 'my model' \"it's\"") == ["save", "my model", "it's"])
    #expect(CommandText.words("x ''") == ["x", ""])
    #expect(CommandText.words(#"a\ b 'it'\''s' \\"#) == ["a b", "it's", #"\"#])
    #expect(CommandText.words("") == [])
    #expect(CommandText.words("'") == [""])
  }

  /// A completed word reads back as the file's name, whatever is in that.
  @Test(arguments: ["a b", "it's", #"a "quoted" \ name"#, " ", "plain"])
  func escapedWordsReadBack(_ word: String) {
    #expect(CommandText.words("save " + CommandText.escaped(word) + " x") == ["save", word, "x"])
  }

  /// The command that the sheet shows describes the step it was made from.
  @Test func shellCommandsReadBack() throws {
    var random = SplitMix64(seed: 3)
    for type in PassCatalog.all {
      for round in 0..<200 {
        var pass = type.init()
        for _ in 0..<6 {
          guard let dial = pass.settings.filter(\.isActive).randomElement(using: &random) else {
            continue
          }
          pass = try pass.setting(
            dial.name, to: dial.value(at: Double.random(in: 0...1, using: &random)))
        }
        guard (try? pass.validate()) != nil else { continue }
        let layers: LayerSelection =
          round % 2 == 0 ? .all : .matching(["block.*.mlp.*", "it's a [name]"])
        let step = Step(pass: pass, layers: layers)
        let words = CommandText.words(CommandText.shell(step, file: "my model's.pt"))
        #expect(words.prefix(3) == ["pare", type.name, "my model's.pt"])
        #expect(words.suffix(2) == ["-o", "OUT.safetensors"])
        let back = try CommandText.step(type, Array(words.dropFirst(3).dropLast(2)), marked: [])
        #expect(back.pass.settings.filter(\.isActive) == pass.settings.filter(\.isActive))
        #expect(back.layers == step.layers)
      }
    }
  }

  @Test func sizesAreReadAsTheyAreWritten() {
    #expect(ByteCount.bytes("1.5MB") == 1_500_000)
    #expect(ByteCount.bytes("900 kB") == 900_000)
    #expect(ByteCount.bytes("1200") == 1_200 && ByteCount.bytes("12b") == 12)
    for bad in ["", "MB", "nan", "inf", "-3", "1.5 TBs", "1e300gb", "0"] {
      #expect(ByteCount.bytes(bad) == nil)
    }
    var random = SplitMix64(seed: 8)
    for _ in 0..<1_000 {
      let bytes = Int(exp10(Double.random(in: 0...12, using: &random)))
      let text = ByteCount.text(bytes)
      #expect(!text.hasPrefix("1000"), "\(text)")
      let back = ByteCount.bytes(text) ?? 0
      #expect(abs(Double(back - bytes)) <= max(Double(bytes) * 0.051, 1), "\(bytes) as \(text)")
    }
  }

  private func exp10(_ value: Double) -> Double {
    (0..<Int(value)).reduce(1.0) { product, _ in product * 10 }
      * (1 + 9 * (value - value.rounded(.down)))
  }

  @Test func decimalsAreTheNumbersThatTheyShow() throws {
    #expect(Decimal.text(1.005, 1) == "1.0" && Decimal.text(-0.04, 1) == "0.0")
    #expect(Decimal.text(.nan, 2) == "–" && Decimal.text(-.infinity, 2) == "-∞")
    #expect(Decimal.signed(0.021, 4) == "+0.0210" && Decimal.percent(0.5) == "50.0 %")
    #expect(Decimal.short(-1.25e-6) == "-1.25e-6" && Decimal.short(0.0427) == "0.04270")
    var random = SplitMix64(seed: 9)
    for _ in 0..<20_000 {
      let value = Double(bitPattern: random.next())
      guard value.isFinite, value == 0 || value.magnitude > 1e-300 else { continue }
      for digits in 0...6 {
        let shown = try #require(Double(Decimal.text(value, digits)), "\(value)")
        let tolerance = max(
          0.51 * [1, 0.1, 0.01, 1e-3, 1e-4, 1e-5, 1e-6][digits], abs(value) * 6e-3)
        #expect(abs(shown - value) <= tolerance, "\(value) with \(digits) digits is \(shown)")
      }
      let short = try #require(Double(Decimal.short(value)))
      #expect(abs(short - value) <= abs(value) * 6e-3)
    }
  }

  @Test func pixelsPartitionTheWindow() throws {
    var random = SplitMix64(seed: 14)
    for _ in 0..<400 {
      let shape = Shape([
        Int.random(in: 1...90, using: &random), Int.random(in: 1...90, using: &random),
      ])
      var layer = LayerState()
      layer.zoom = Int.random(in: 0...8, using: &random)
      layer.row = Int.random(in: 0..<shape.rows, using: &random)
      layer.column = Int.random(in: 0..<shape.columns, using: &random)
      let window = layer.window(
        shape, width: Int.random(in: 1...40, using: &random),
        height: Int.random(in: 1...40, using: &random))
      #expect(window.rows.contains(layer.row) && window.columns.contains(layer.column))
      var seen = 0
      for y in 0..<window.height {
        for x in 0..<window.width {
          let cell = window.cell(x, y)
          #expect(!cell.rows.isEmpty && !cell.columns.isEmpty)
          seen += cell.rows.count * cell.columns.count
        }
      }
      #expect(seen == window.rows.count * window.columns.count)
      let (row, column) = (layer.row, layer.column)
      let pixel = try #require(window.pixel(row: row, column: column))
      let cell = window.cell(pixel.x, pixel.y)
      #expect(cell.rows.contains(row) && cell.columns.contains(column))
      #expect(window.pixel(row: window.rows.upperBound, column: column) == nil)
    }
  }

  @Test func treeLinesListEachRevisionAfterItsParent() throws {
    var random = SplitMix64(seed: 4)
    for _ in 0..<50 {
      var tree = RevisionTree()
      for _ in 0..<Int.random(in: 0...30, using: &random) {
        let parent = try #require(tree.revisions.randomElement(using: &random))
        tree.add(.pass(Step(pass: Prune())), parent: parent.id)
      }
      let ids = HistoryTree.lines(tree).map(\.id)
      #expect(ids.sorted() == tree.revisions.map(\.id).sorted())
      for (index, id) in ids.enumerated() {
        guard let parent = tree[id]?.parent else { continue }
        #expect(ids[..<index].contains(parent))
      }
    }
  }

  @Test func dialsTurnThereAndBack() throws {
    for type in PassCatalog.all {
      for dial in type.init().settings {
        for share in stride(from: 0.0, through: 1, by: 0.01) {
          let here = try Self.set(dial, of: type, to: dial.value(at: share))
          let up = try Self.set(here, of: type, to: here.turned(by: 1))
          #expect(0...1 ~= up.share ?? 0)
          guard up.value != here.value, up.share != 1 else { continue }
          #expect(up.turned(by: -1) == here.value, "\(dial.name) at \(here.value)")
        }
        for steps in [-1_000_000, 1_000_000] {
          #expect((try? type.init().setting(dial.name, to: dial.turned(by: steps))) != nil)
        }
      }
    }
  }

  @Test func dialsShowNoNoise() throws {
    let dial = try #require(Prune().settings.first { $0.name == "amount" })
    for percent in 0...100 {
      let value = dial.value(at: Double(percent) / 100)
      #expect(value.description.count <= 4, "\(value)")
      #expect(
        SheetLayout.valueText(try Self.set(dial, of: Prune.self, to: value)) == "\(percent) %")
    }
  }

  @Test func wrappedTextLosesNothing() {
    var random = SplitMix64(seed: 6)
    let letters = Array("ab  \n漢é")
    for _ in 0..<500 {
      let text = String(
        (0..<Int.random(in: 0...60, using: &random)).map { _ in
          letters.randomElement(using: &random) ?? "a"
        })
      let width = Int.random(in: 2...20, using: &random)
      let lines = WrappedText.lines(text, width: width)
      #expect(lines.allSatisfy { $0.columns <= width })
      func ink(_ text: String) -> String { text.filter { !$0.isWhitespace } }
      #expect(ink(lines.joined()) == ink(text))
    }
    #expect(WrappedText.lines("one two\r\nthree", width: 5) == ["one", "two", "three"])
    #expect(WrappedText.lines("a", width: 0) == [])
  }

  @Test func pointsOfTheFrontierLieInTheChart() throws {
    var random = SplitMix64(seed: 7)
    let targets = try ["off", "9e8gb", "1b", "loss 1e308", "loss 1e-300"].map {
      try FrontierState.Target(CommandText.words($0))
    }
    for target in targets {
      let points = (0..<20).map { number in
        FrontierPoint(
          id: RevisionID(number), bytes: Int.random(in: 0...1_000_000, using: &random),
          loss: Double.random(in: 0...9, using: &random), isOnFront: false)
      }
      for count in [1, 2, 20] {
        let shown = Array(points.prefix(count))
        let range = FrontierRange(shown, target)
        let chart = Rect(x: 5, y: 3, width: 40, height: 12)
        for point in shown {
          let place = range.cell(point, in: chart)
          #expect(chart.contains(x: place.x, y: place.y))
        }
      }
    }
  }

  @Test(arguments: [0.0, 1e-300, 1.0, 1e17, 1e300, Double.greatestFiniteMagnitude])
  func pointsOfAnyLossLieInTheChart(_ loss: Double) throws {
    let chart = Rect(x: 5, y: 3, width: 40, height: 12)
    for other in [loss, 0, loss.nextDown, loss / 3] {
      let points = [loss, other].enumerated().map {
        FrontierPoint(id: RevisionID($0.offset), bytes: 1 << 40, loss: $0.element, isOnFront: true)
      }
      let range = FrontierRange(points, nil)
      for point in points {
        let place = range.cell(point, in: chart)
        #expect(chart.contains(x: place.x, y: place.y))
      }
      #expect(range.losses.lowerBound < range.losses.upperBound)
    }
  }

  /// As many kinds as blocks: what a map takes grows with the layers, not with
  /// blocks × kinds.
  @Test func rowsHoldOnlyTheLayersThereAre() throws {
    let folder = TemporaryFolder()
    let count = 3_000
    let checkpoint = try SmallModels.open(
      (0..<count).map { .init("h.\($0).kind\($0).weight", [1, 1], [1]) }, in: folder)
    let model = ModelMap(checkpoint)
    #expect(model.kinds.count == count && model.rows.count == count)
    #expect(model.rows.reduce(0) { $0 + $1.layers.count } == count)
    for (index, row) in model.rows.enumerated() where index % 100 == 7 {
      let layer = try #require(row.layers.first)
      #expect(row.layer(inColumn: layer.column) == layer && model.kinds[layer.column] == layer.kind)
      #expect(row.layer(inColumn: layer.column + 1) == nil)
      #expect(row.layer(inColumn: layer.column - 1) == nil)
    }
  }

  /// A dial of a pass with another value; throws when it is out of range.
  private static func set(
    _ dial: DialSetting, of type: any CompressionPass.Type, to value: DialValue
  ) throws -> DialSetting {
    try type.init().setting(dial.name, to: value).settings.first { $0.name == dial.name } ?? dial
  }
}
