import Testing
import Training

@Suite struct ScheduleTests {
  /// nanoGPT's get_lr with its CPU settings, over the highest rate of 1e-3.
  @Test(arguments: [
    (0, 9.900990099009901e-06), (99, 9.900990099009901e-04), (100, 1e-3), (1050, 5.5e-4),
    (2000, 1e-4), (3000, 1e-4),
  ])
  func cosineIsNanoGPTs(_ step: Int, _ rate: Double) {
    let factor = Schedule.cosine(warmup: 100, floor: 0.1).factor(at: step, of: 2000)
    #expect(abs(factor * 1e-3 - rate) <= 1e-15)
  }

  @Test func linearEndsAtZero() {
    let schedule = Schedule.constantThenLinear(warmup: 50, share: 0.4)
    #expect(schedule.factor(at: 0, of: 1000) == 1.0 / 51)
    #expect(schedule.factor(at: 50, of: 1000) == 1)
    #expect(schedule.factor(at: 400, of: 1000) == 1)
    #expect(abs(schedule.factor(at: 700, of: 1000) - 0.5) <= 1e-12)
    #expect(schedule.factor(at: 1000, of: 1000) == 0)
    #expect(schedule.factor(at: 2000, of: 1000) == 0)
  }

  /// Whatever the length, no factor leaves 0…1.
  @Test(arguments: [
    Schedule.cosine(warmup: 10, floor: 0), .constantThenLinear(warmup: 10, share: 0.4),
    .constant(warmup: 0),
  ])
  func factorsStayInRange(_ schedule: Schedule) {
    for total in [1, 2, 5, 10, 11, 100] {
      for step in 0...2 * total {
        #expect((0...1).contains(schedule.factor(at: step, of: total)))
      }
    }
  }
}
