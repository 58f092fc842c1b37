internal import ArgumentParser
internal import Workspace

/// `pare run RECIPE FILE -o OUT`: what was done in the explorer, again.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Replay a recipe on a checkpoint, to the same bytes.")

  @Argument(help: "The recipe (YAML).", completion: .file())
  var recipe: String

  @OptionGroup var input: FileArgument
  @OptionGroup var output: OutputOptions
  @OptionGroup var form: FormOptions
  @OptionGroup var blocks: BlockOptions
  @OptionGroup var format: FormatOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var report: ReportOptions

  func run() throws {
    try blocks.checkText()
    let target = try SaveTarget(output, form, blocks, format)
    try output.check(against: recipe)
    let passes = try Recipe(contentsOf: recipe)
    guard !passes.steps.isEmpty else {
      throw CommandError("the recipe \(recipe) has no passes; pare convert copies a checkpoint")
    }
    try target.write(
      passes, of: input, importance: blocks.importance, threads: threads.count,
      others: [recipe], asJSON: report.json)
  }
}
