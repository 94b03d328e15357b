public import Modeling

/// Which devices carry a recipe, and how many of them it takes otherwise.
///
/// A walk depends on a device by no more than ``TorchWalk/Options``: so all devices of one kind share their plans, and
/// differ in their context, their size and their speed.
public struct DeviceSearch: Sendable {
  public let spec: ModelSpec
  public let recipe: Recipe
  public let threads: Int
  public let jobs: Int

  /// Numbers of GPUs that are tried.
  public static let counts = [1, 2, 4, 8, 16, 32, 64]

  public init(_ spec: ModelSpec, _ recipe: Recipe, threads: Int = 1, jobs: Int = 1) {
    self.spec = spec
    self.recipe = recipe
    self.threads = threads
    self.jobs = jobs
  }

  /// What a run comes to on every device the best way; `nil` where nobody said how long it is, and where nothing fits.
  public func times(of run: WholeRun?, _ fits: [DeviceFit]) -> [WholeRun.Time?] {
    guard let run else { return fits.map { _ in nil } }
    return Parallel.map(fits, jobs: jobs) { fit in
      fit.best.flatMap { way in try? run.time(spec, way.recipe, on: fit.device, speed: way.speed) }
    }
  }

  /// The recipe on every device, in their order.
  ///
  /// - Parameter progress: called now and then with how much of how much is done.
  /// - Throws: why the recipe can't be planned.
  public func fits(
    on devices: [Device], progress: (@Sendable (Int, Int) -> Void)? = nil
  ) throws(PlanError) -> [DeviceFit] {
    let plans = DevicePlans(spec)
    var alone: [DeviceFit.Way] = []
    for device in devices { alone.append(try plans.way(recipe, on: device)) }
    // Of each sharding the largest device first, whose plans the smaller ones use again.
    let lacking = zip(devices, alone).filter { !$0.1.fits }.map(\.0)
    let shardings = Array(ShardedRecipes.all(for: recipe).enumerated())
    let tasks = shardings.flatMap { place, sharded in
      lacking.map { (place: place, sharded: sharded, device: $0) }
    }
    let counter = Progress(of: tasks.count, progress)
    let found = Parallel.map(tasks, jobs: jobs) { task -> (device: String, place: Int, way: DeviceFit.Way)? in
      defer { counter.advance() }
      return plans.fewest(task.sharded, on: task.device).map { (task.device.name, task.place, $0) }
    }
    let ways = found.compactMap(\.self)
    return zip(devices, alone).map { device, way in
      let shared = ways.filter { $0.device == device.name }.sorted {
        ($0.way.devices, $0.place) < ($1.way.devices, $1.place)
      }
      return DeviceFit(device: device, alone: way, shared: shared.map(\.way))
    }
  }
}
