"""What Strainwatch is worth: seeded days with known causes, and real calls, judged beside what people use instead."""
