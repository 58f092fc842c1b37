import Terminal
import Testing

@Suite struct RectTests {
  @Test func splitsShareTheWhole() {
    let whole = Rect(x: 3, y: 5, width: 17, height: 9)
    for n in -2...20 {
      let (left, right) = whole.split(left: n)
      #expect(left.width + right.width == 17 && left.right == right.x)
      let (end, rest) = whole.split(right: n)
      #expect(end.width + rest.width == 17 && rest.right == end.x && end.right == whole.right)
      let (top, below) = whole.split(top: n)
      #expect(top.height + below.height == 9 && top.bottom == below.y)
      let (bottom, above) = whole.split(bottom: n)
      #expect(bottom.height + above.height == 9 && above.bottom == bottom.y)
    }
  }

  @Test(arguments: [[1], [1, 1], [1, 2, 3], [0, 5, 0], [0, 0], [7, 1, 1, 1]], [0, 1, 2])
  func sharesFillExactly(weights: [Int], gap: Int) {
    for width in 0...30 {
      let parts = Rect(x: 2, width: width, height: 4).columns(weights: weights, gap: gap)
      let room = max(0, width - gap * (weights.count - 1))
      let sum = weights.reduce(0, +)
      #expect(parts.count == weights.count)
      #expect(parts.map(\.width).reduce(0, +) == (sum == 0 ? 0 : room))
      for (a, b) in zip(parts, parts.dropFirst()) where room > 0 { #expect(b.x == a.right + gap) }
    }
  }

  @Test func insetsAndRows() {
    let rect = Rect(x: 1, y: 1, width: 10, height: 5)
    #expect(rect.inset() == Rect(x: 2, y: 2, width: 8, height: 3))
    #expect(rect.inset(by: 9).isEmpty)
    #expect(rect.row(-1) == Rect(x: 1, y: 5, width: 10, height: 1))
    #expect(rect.row(5).isEmpty && rect.row(-6).isEmpty)
    #expect(rect.intersection(Rect(x: 8, y: 0, width: 9, height: 2)).width == 3)
    #expect(rect.intersection(Rect(x: 50, y: 0, width: 9, height: 2)).isEmpty)
    #expect(rect.centered(width: 4, height: 99) == Rect(x: 4, y: 1, width: 4, height: 5))
  }
}
