import Bookkeeping
import Modeling

enum StepWork {
  static func sheet(_ spec: ModelSpec, _ recipe: Recipe) -> WorkSheet { WorkSheet() }
}
