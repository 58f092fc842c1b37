/// What a template says, as a tree. Expressions know how deep they are, so that none is too
/// deep to be evaluated.
struct TemplateExpression: Sendable {
  indirect enum Kind: Sendable {
    case constant(TemplateValue)
    case name(String)
    case list([TemplateExpression], isTuple: Bool)
    case dictionary([(key: TemplateExpression, value: TemplateExpression)])
    /// `a.name`
    case attribute(TemplateExpression, String)
    /// `a[b]`
    case element(TemplateExpression, TemplateExpression)
    /// `a[first:last:step]`
    case slice(
      TemplateExpression, TemplateExpression?, TemplateExpression?, TemplateExpression?)
    case call(TemplateExpression, TemplateArguments)
    case filter(TemplateExpression, String, TemplateArguments)
    case test(TemplateExpression, String, TemplateArguments)
    case not(TemplateExpression)
    case sign(TemplateExpression, isMinus: Bool)
    case arithmetic(TemplateExpression, String, TemplateExpression)
    /// `a ~ b ~ c`
    case concatenation([TemplateExpression])
    /// `a < b <= c`
    case comparison(TemplateExpression, [(operation: String, operand: TemplateExpression)])
    case and(TemplateExpression, TemplateExpression)
    case or(TemplateExpression, TemplateExpression)
    /// `a if condition else b`
    case conditional(
      TemplateExpression, condition: TemplateExpression, otherwise: TemplateExpression?)
  }

  let kind: Kind
  let line: Int
  let depth: Int
}

struct TemplateArguments: Sendable {
  var values: [TemplateExpression] = []
  var named: [(name: String, value: TemplateExpression)] = []

  var expressions: [TemplateExpression] { values + named.map(\.value) }
}

/// Where a value is kept.
enum TemplateTarget: Sendable {
  case name(String)
  /// An attribute of a namespace.
  case attribute(String, String)
  /// The elements of a list, one each.
  case names([String])
}

struct TemplateStatement: Sendable {
  enum Kind: Sendable {
    case text(String)
    case output(TemplateExpression)
    case set(TemplateTarget, TemplateExpression)
    /// What the body writes becomes a value, after these filters.
    case capture(
      TemplateTarget, [(name: String, arguments: TemplateArguments)], [TemplateStatement])
    case choice([(condition: TemplateExpression, body: [TemplateStatement])], [TemplateStatement])
    case loop(TemplateLoop)
    case macro(TemplateMacro)
    /// A body with variables of its own: `{% generation %}`.
    case scope([TemplateStatement])
    case leave
    case next
  }

  let kind: Kind
  let line: Int
}

/// `{% for target in values if condition %}body{% else %}otherwise{% endfor %}`
struct TemplateLoop: Sendable {
  let target: TemplateTarget
  let values: TemplateExpression
  let condition: TemplateExpression?
  let body: [TemplateStatement]
  let otherwise: [TemplateStatement]
}

struct TemplateMacro: Sendable {
  let name: String
  let parameters: [(name: String, standard: TemplateExpression?)]
  let body: [TemplateStatement]
}
